/* viewer/follow.h - tells which files of one folder were written or put there: the folder of the
 * picture that is shown. Only one thread. */
#ifndef VIEWER_FOLLOW_H
#define VIEWER_FOLLOW_H

struct follow;

/* -EMFILE: the user has too many of them already; -ENOMEM, -ENFILE. */
int follow_create(struct follow **ret);
void follow_destroy(struct follow *follow);

/* To be polled for reading, then follow_read is due. */
int follow_fd(const struct follow *follow);

/* Follows the folder of the file @path, instead of the one before. One that can not be followed is
 * silent. */
void follow_folder_of(struct follow *follow, const char *path);

/* Calls @fn for each file that was closed after having been written, or renamed into the folder,
 * with a path in the words of follow_folder_of's; never blocks. @fn may not call this library. */
void follow_read(struct follow *follow, void (*fn)(void *user, const char *path), void *user);

#endif
