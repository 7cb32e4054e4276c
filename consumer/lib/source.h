/* source.h - where a picture comes from, kept so that it can be opened again for a decode after a
 * purge. */
#ifndef LIBMURAL_SOURCE_H
#define LIBMURAL_SOURCE_H

#include <mural/mural.h>

struct source {
	char *path; /* absolute; or NULL */
	int fd;     /* a duplicate of the caller's; or -1 */
	int (*open)(void *user);
	void *user;
};

/* Copies what @request names as its source. -EINVAL: none, or two. -EBADF, -EMFILE, -ENOMEM;
 * -ENOENT: the working folder is gone. */
int source_init(struct source *source, const struct mural_request *request);
void source_fini(struct source *source);

/* Gives a descriptor that a producer will accept; the caller owns it.
 * -EINVAL: not readable, or neither a regular file nor a memfd. -EISDIR. Others as open(2) or the
 * caller's function says. */
int source_open(const struct source *source);

#endif
