/* viewer/names.h - names of files and folders that a program wrote, to be shown. */
#ifndef VIEWER_NAMES_H
#define VIEWER_NAMES_H

#include <stddef.h>

/* A list that has no end must not take all memory. */
#define NAMES_BYTES_MAX ((size_t)64 << 20)
#define NAMES_MAX ((size_t)1000000)

struct names {
	char *text;         /* all of it; each name ends with a NUL */
	const char **names; /* into text */
	size_t count;
};

/* Reads names until the file's end, one a line, which may end with CR LF; where the file has a NUL
 * (find -print0), one before each of those, and newlines belong to names. Empty ones are left out.
 * @path "-": standard input. 0 or -errno: -E2BIG: there are more than NAMES_MAX, or NAMES_BYTES_MAX
 * in all; -ENOMEM, as open and read. */
int names_read(const char *path, struct names *ret);
void names_fini(struct names *names);

#endif
