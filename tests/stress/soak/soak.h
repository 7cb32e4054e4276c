/* soak.h - what the parts of the soak share: the pictures with their checksums, counters that all
 * processes add to, and the choices, which follow from one seed. */
#ifndef SOAK_H
#define SOAK_H

#include "support/group.h"

#include <mural/mural.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SOAK_MIB ((uint64_t)1 << 20)
#define SOAK_KINDS_MAX 64
#define SOAK_CONSUMERS 4
#define SOAK_WAIT_MS 60000 /* only a hang meets it */

/* One picture at one size. */
struct soak_kind {
	char path[256];
	uint32_t box;
	uint64_t sum; /* of its pixels, without what lies between the rows */
};

/* In memory that all processes share. */
struct soak_shared {
	_Atomic bool stop;
	_Atomic uint64_t wrong; /* told on stderr where it was seen */
	_Atomic uint64_t steps, lives, ready, checks, purged, redecodes, reconnects, refused, trims;
	struct soak_kind kind[SOAK_KINDS_MAX];
	unsigned kinds;
};

/* What an idle pool holds after a purge. */
struct soak_rest {
	uint32_t regions;
	uint64_t used_bytes, allocated_bytes;
	int descriptors, mappings, children; /* the producer's */
};

struct soak {
	struct soak_shared *shared;
	struct test_group group;
	bool in_group;
	uint64_t seed;
};

/* ---- choices ---- */

struct soak_dice {
	uint64_t state;
};

/* The dice of the process with this number: the same for the same seed. */
struct soak_dice soak_dice(uint64_t seed, uint64_t number);
uint32_t soak_below(struct soak_dice *dice, uint32_t limit);

/* ---- parts ---- */

/* Counts a mistake, and tells of it. */
__attribute__((format(printf, 2, 3))) void soak_wrong(struct soak *soak, const char *format, ...);

/* Opens a connection to the shared producer of the soak, starting one when need be. */
int soak_open(void (*on_event)(struct mural *, enum mural_event, int, void *), void *user,
	struct mural **ret);

/* Fills in the kinds: the whole pictures by libjpeg and libpng alone, the smaller ones by their
 * first decode. In a process of its own; false: it could not. */
bool soak_learn_pictures(struct soak *soak);

/* Purges until nothing is left, and says what the producer then holds. As above. Waits until that
 * is no more than @wanted (NULL: does not). */
bool soak_rest(const struct soak_rest *wanted, struct soak_rest *ret);

/* A consumer's whole life, of which @number is the sequence. Never returns. */
_Noreturn void soak_consume(struct soak *soak, uint64_t number);

/* Pixels were looked at, and something was decoded again: the counts mean something. */
bool soak_has_happened(const struct soak *soak);

/* Kills, stops, hogs and consumers that come and go, until @end_ns, or @latest_ns where too little
 * has happened until then: the machine may have been busy with something else. */
void soak_chaos(struct soak *soak, uint64_t end_ns, uint64_t latest_ns);

#endif
