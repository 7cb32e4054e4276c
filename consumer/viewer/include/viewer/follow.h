/* viewer/follow.h - tells which files were written, put into folders and removed. Only one thread.
 *
 * A folder that is removed or moved away is followed again when there is one of its name, and one
 * of which the kernel lost events is looked through; but not one whose file system was unmounted,
 * until a picture of it is shown. Folders are named as viewer/folder.h has it. */
#ifndef VIEWER_FOLLOW_H
#define VIEWER_FOLLOW_H

#include <stdbool.h>

/* So many folders are followed, and that of the shown picture; fewer where the user may not have as
 * many (fs.inotify.max_user_watches). What is too many is silent. */
#define FOLLOW_MAX 1024
/* How many files follow_read tells of at most: of as many events as this, and of as many files of
 * folders that are looked through. */
#define FOLLOW_STEP 512

enum follow_flags {
	FOLLOW_GROWS = 1 << 0, /* what comes into it is wanted, not only what becomes of files */
	FOLLOW_DEEP = 1 << 1,  /* folders that come into it are followed, too */
};

struct follow;

enum follow_news {
	FOLLOW_CAME,  /* a file, or it was written */
	FOLLOW_GONE,  /* it was removed or moved away; by now there may be another */
	FOLLOW_DOUBT, /* @path is a folder: what is not there any more was not told of, what is, will
			 be */
};

/* Which file, in the words of the folder; @grows: of one that has FOLLOW_GROWS. */
typedef void follow_fn(void *user, const char *path, enum follow_news news, bool grows);

/* -EMFILE: the user has too many of them already; -ENOMEM, -ENFILE. */
int follow_create(struct follow **ret);
void follow_destroy(struct follow *follow);

/* To be polled for reading, then follow_read is due. */
int follow_fd(const struct follow *follow);

/* Follows another folder, also one that is not there yet. One that is followed gets the flags
 * besides. @depth is how far it is below one that is DEEP, in which it was found (0: it was not):
 * then it is forgotten when it is removed, or can not be watched. */
void follow_folder(struct follow *follow, const char *folder, unsigned flags, unsigned depth);

/* The folder of the file @path is followed as long as this is the last such call. */
void follow_shown(struct follow *follow, const char *path);

/* Calls @fn for each file that was closed after having been written, or renamed into a folder, or
 * is gone from one, and for all that a folder holds that is looked through. Does not wait, and ends
 * after a number of files: while follow_pending, or while follow_fd is readable, it is due again.
 * @fn may not call this library. */
void follow_read(struct follow *follow, follow_fn *fn, void *user);
bool follow_pending(const struct follow *follow);

#endif
