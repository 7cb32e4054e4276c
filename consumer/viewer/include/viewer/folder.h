/* viewer/folder.h - names of folders and files, and what kind an entry is.
 *
 * A folder is named by what stands before the names of its files: "dir/", "/", and "" for the
 * working directory. What returns char * is the caller's to free; NULL: no memory. */
#ifndef VIEWER_FOLDER_H
#define VIEWER_FOLDER_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

enum folder_kind { FOLDER_OTHER, FOLDER_FILE, FOLDER_FOLDER };

/* The path without what says nothing in it ("//", "/./", and "." at the end of "dir/."): one file,
 * one spelling. "dir/.." stays,
 * because what it leads to depends on links. */
char *folder_tidy(const char *path);

/* The folder of a file; of an entry that is a folder itself. */
char *folder_of(const char *path);
char *folder_named(const char *path);

/* For tables of paths. */
size_t folder_hash(const char *path);

/* Is there a folder of that name? Links are followed. */
bool folder_is(const char *path);
/* … a regular file? */
bool folder_is_file(const char *path);
/* Is there nothing of that name, for certain? */
bool folder_lacks(const char *path);

/* NULL and errno. */
DIR *folder_open(const char *folder);
void folder_close_p(DIR **dir);

/* Most file systems tell the kind for free; a stat for each of 10 000 files would be felt. A link
 * is what it leads to, but a link to a folder is OTHER. */
enum folder_kind folder_kind(DIR *dir, const struct dirent *entry);

#endif
