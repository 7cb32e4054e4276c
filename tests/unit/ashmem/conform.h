/* conform.h - the frame of the conformance program: clauses, checks, and what the checks share.
 *
 * A plain program, statically linkable, since the same one runs on the kernel's own driver inside a
 * small virtual machine. It prints a line a check: clause, verdict, sentence. Where a memfd can not
 * do as the device does, the check is made with differs(), which knows both behaviours;
 * docs/ashmem-conformance.md gives the reasons. */
#ifndef CONFORM_H
#define CONFORM_H

#include <ashmem/ashmem.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())
#define RW (PROT_READ | PROT_WRITE)

struct clause {
	const char *id;
	void (*run)(void);
};

extern const struct clause life_clauses[], map_clauses[], pin_clauses[], share_clauses[];

bool on_memfd(void);

/* The sentence must be true. */
void check(bool holds, const char *sentence);

/* The sentence of the driver that runs must be true; the other one's is for the reader. */
void differs(bool holds, const char *on_the_memfd, const char *on_the_device);

/* Whether a call failed with this errno. */
bool fails(int64_t result, int error);
bool map_fails(void *result, int error);

/* A named region of whole pages, mapped read-write by ashmem_mmap; the pages are filled with their
 * own numbers. */
struct space {
	int fd;
	unsigned char *at;
	size_t pages;
};

struct space open_space(size_t pages);
void close_space(struct space *space);
bool page_is(const struct space *space, size_t page, int value); /* the whole page */
void fill_page(const struct space *space, size_t page, int value);

/* Calls in pages. */
int pin(const struct space *space, size_t page, size_t pages);
int unpin(const struct space *space, size_t page, size_t pages);
int status(const struct space *space, size_t page, size_t pages);
long purge(const struct space *space);

/* Runs @part in a forked child, with the space it inherits; gives its exit status, or -1 when it
 * was killed. */
int in_child(int (*part)(const struct space *), const struct space *space);

/* Passes a descriptor through a socket within this process. */
int pass(int fd);

/* Whether reading or writing the byte raises a signal. */
bool faults(volatile unsigned char *at, bool write);

#endif
