#include "viewer/calm.h"

static uint32_t wait_of(const struct calm *calm)
{
	return calm->wait_ms ? calm->wait_ms : CALM_MS;
}

/* Pressure where there was none: it came back, or it is a new one. */
static void begin(struct calm *calm, uint64_t now_ms)
{
	bool soon = calm->restored_ms != 0 && now_ms - calm->restored_ms < CALM_MAX_MS;
	uint32_t wait = soon ? 2 * wait_of(calm) : CALM_MS;
	calm->wait_ms = wait < CALM_MAX_MS ? wait : CALM_MAX_MS;
}

void calm_tell(struct calm *calm, enum mural_pressure told, uint64_t now_ms)
{
	if (told != MURAL_PRESSURE_NONE) {
		if (calm->level == MURAL_PRESSURE_NONE)
			begin(calm, now_ms);
		calm->level = told;
	} else if (calm->told != MURAL_PRESSURE_NONE) {
		calm->ended_ms = now_ms;
	}
	calm->told = told;
}

int calm_timeout(const struct calm *calm, uint64_t now_ms)
{
	if (calm->level == MURAL_PRESSURE_NONE || calm->told != MURAL_PRESSURE_NONE)
		return -1;
	uint64_t passed = now_ms - calm->ended_ms;
	return passed >= wait_of(calm) ? 0 : (int)(wait_of(calm) - passed);
}

void calm_tick(struct calm *calm, uint64_t now_ms)
{
	if (calm_timeout(calm, now_ms) != 0)
		return;
	calm->level = MURAL_PRESSURE_NONE;
	calm->restored_ms = now_ms;
}
