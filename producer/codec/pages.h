/* pages.h - the memory of a bitmap is mapped before it is written: more than half of a decode into
 * fresh shared memory is page faults. */
#ifndef CODEC_PAGES_H
#define CODEC_PAGES_H

#include "producer/codec.h"
#include "producer/team.h"

/* Less is faulted in as quickly as it is asked for. */
#define PAGES_WORTH_BYTES ((uint64_t)512 << 10)

/* Maps what is there of [@from, @from + @length), from the beginning on; what is not is faulted in
 * by whoever writes, as quickly as it could be here. Stops at the first error. Makes no call but
 * madvise. */
void pages_map(uint8_t *from, size_t length);

/* A whole bitmap's, for a decoder that writes from one thread: made by a helper, ahead of the rows,
 * or mapped here and now when there is none. */
struct pages {
	struct team_task task;
	const struct picture_target *target;
};
void pages_begin(struct pages *pages, const struct picture_target *target);
/* Waits for the helper. */
void pages_end(struct pages *pages);

#endif
