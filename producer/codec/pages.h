/* pages.h - the memory of a bitmap is made before it is written: more than half of a decode into
 * fresh shared memory is page faults. */
#ifndef CODEC_PAGES_H
#define CODEC_PAGES_H

#include "producer/codec.h"
#include "producer/team.h"

/* Less is faulted in as quickly as it is asked for. */
#define PAGES_WORTH_BYTES ((uint64_t)512 << 10)

/* Makes the pages of [@from, @from + @length), from the beginning on. Stops at the first error:
 * whoever writes then faults them in. Makes no call but madvise. */
void pages_make(uint8_t *from, size_t length);

/* Those of a whole bitmap, for a decoder that writes from one thread: by a helper, ahead of the
 * rows, or here and now when there is none. */
struct pages {
	struct team_task task;
	const struct picture_target *target;
};
void pages_begin(struct pages *pages, const struct picture_target *target);
/* Waits for the helper. */
void pages_end(struct pages *pages);

#endif
