/* viewer/list.h - the pictures to show, in order.
 *
 * Files that are named are taken whatever they are called (a bad one shows its reason); from
 * folders come the files whose extension says JPEG or PNG, hidden ones excepted. Both in natural
 * order: "2.jpg" before "10.jpg", letters without regard to case. Returns 0 or -errno. */
#ifndef VIEWER_LIST_H
#define VIEWER_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Folders in folders are looked for so deep: a loop of bind mounts or a tree made to hurt must not
 * run us out of stack. */
#define LIST_DEPTH_MAX 32

struct list {
	char **paths; /* tidy (viewer/folder.h) */
	size_t count, capacity;
	/* For list_find: a hash table of the last place of each path, and one; 0: none. */
	size_t *places;
	size_t *next; /* of each place: where the same path comes next, in a ring */
	size_t place_count, indexed;
	/* The owner's; NULL: nobody. Called before a folder is looked through: one that was named,
	 * that of a file that brings it along, or one that is @depth folders below such a one. */
	void (*on_folder)(void *user, const char *folder, bool recursive, unsigned depth);
	void *user;
};

enum list_flags {
	LIST_RECURSIVE =
		1 << 0, /* folders inside folders, too (links to folders are not followed) */
	LIST_SIBLINGS =
		1
		<< 1, /* a file that is named alone brings the other pictures of its folder along */
	LIST_AS_NAMED = 1 << 2, /* in the order of @paths; only what is in a folder is sorted */
};

void list_fini(struct list *list);

/* Appends @count files and folders, sorted among themselves (see LIST_AS_NAMED). @ret_first is the
 * place of the picture to show first: of the file that was named alone, else of the first one that
 * was added. *@ret_bad (may be NULL) is the first folder that could not be read, or NULL; the
 * others are added all the same. 0, also when nothing was found; -ENOMEM; otherwise why *@ret_bad
 * could not be read. */
int list_add(struct list *list, const char *const *paths, size_t count, unsigned flags,
	size_t *ret_first, const char **ret_bad);

/* Does the name end like a picture that Mural decodes? */
bool list_is_picture_name(const char *name);

/* As strcmp, in natural order. Differing strings never compare equal. */
int list_compare_natural(const char *a, const char *b);

/* Adds a file at the end. -ENOMEM. */
int list_append(struct list *list, const char *path);

/* Puts what is from place @first on into natural order. */
void list_sort(struct list *list, size_t first);

/* Takes out the @count places @gone, the lowest first and none twice. */
void list_remove(struct list *list, const size_t *gone, size_t count);
/* Where what was at @place is when @gone are taken out; of one of those, what came behind it. */
size_t list_place_without(const size_t *gone, size_t count, size_t place);
bool list_is_one_of(const size_t *gone, size_t count, size_t place);

/* The first place of a path. False: there is none, or no memory to find it. */
bool list_find(struct list *list, const char *path, size_t *ret);
/* The next one after @index, which one of the two gave: a file may have been named more than once.
 * False: that was the last. */
bool list_find_next(const struct list *list, size_t *index);

/* The last part of a path. */
const char *list_base_name(const char *path);

#endif
