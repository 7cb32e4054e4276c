/* viewer/calm.h - when to ask ahead of need again after memory was short.
 *
 * Pressure counts at once. Its end counts only when it has lasted for a while: what is fetched
 * ahead too early brings the pressure back. When that happens nevertheless, the next while is twice
 * as long, up to a minute; a minute without pressure makes it short again. Times are milliseconds
 * of any steady clock. */
#ifndef VIEWER_CALM_H
#define VIEWER_CALM_H

#include <mural/mural.h>
#include <stdint.h>

#define CALM_MS 3000
#define CALM_MAX_MS 60000

/* Zeroed: there was no pressure yet. */
struct calm {
	enum mural_pressure told; /* by the producer */
	enum mural_pressure level;
	uint64_t ended_ms;    /* when it was told to be over; while level is above told */
	uint64_t restored_ms; /* when level was last none again */
	uint32_t wait_ms;     /* 0: CALM_MS */
};

/* What the producer tells. */
void calm_tell(struct calm *calm, enum mural_pressure told, uint64_t now_ms);

/* Brings level up to date. */
void calm_tick(struct calm *calm, uint64_t now_ms);

/* Milliseconds until calm_tick is due; -1: only calm_tell changes anything. */
int calm_timeout(const struct calm *calm, uint64_t now_ms);

#endif
