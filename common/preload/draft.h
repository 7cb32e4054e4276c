/* preload/draft.h - the file behind a descriptor of /dev/ashmem before it is first mapped.
 *
 * Size, name and mask may be set again and again until then, through any duplicate of the
 * descriptor in any process. So they lie in the file itself, which is a memfd that is not yet
 * sealed, and the first mapping makes a region of it, in place.
 *
 * -errno on failure. All calls may be made by any thread of any process that has the descriptor;
 * one that dies half-way leaves what the next can finish. */
#ifndef PRELOAD_DRAFT_H
#define PRELOAD_DRAFT_H

#include <cutils/ashmem.h>
#include <stddef.h>
#include <stdint.h>

struct draft {
	uint64_t magic;
	uint64_t size;
	uint32_t mask;
	uint32_t reserved;
	char name[ASHMEM_NAME_LEN]; /* NUL-terminated */
};

enum file_kind {
	FILE_FOREIGN, /* not ashmem at all */
	FILE_DRAFT,
	FILE_REGION,
};

/* What @fd is. A draft whose settling was cut off is finished first. */
enum file_kind draft_classify(int fd);

/* A new one, close-on-exec: size 0, mask 7, no name. The caller owns the descriptor. */
int draft_open(void);

/* -ENOTTY: it is none (any more). Then a draft is a region already, also when whoever settles it had
 * not sealed it yet: the caller may go on with the calls on regions. */
int draft_read(int fd, struct draft *ret);

/* Calls @change on what the draft says, under its lock, and writes it back unless @change fails.
 * Errors of draft_read, draft_lock, @change. */
int draft_change(int fd, int (*change)(struct draft *, const void *), const void *argument);

/* Whether a region with what the draft says could be mapped like this: a mapping that fails must
 * not make one. -EINVAL, -EPERM, -ENOMEM. */
int draft_check_mapping(const struct draft *draft, size_t length, int prot, int64_t offset);

/* Makes a region of it, with what the draft says. 0 also when it is one already. -ENOMEM: too large
 * for any. */
int draft_settle(int fd);

#endif
