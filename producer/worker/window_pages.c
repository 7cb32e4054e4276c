#include "window_pages.h"

#include "common/collapse.h"
#include "common/util.h"

struct part {
	struct team_task task;
	uint8_t *from;
	size_t length;
	bool done;
};

static void collapse_part(void *context)
{
	struct part *part = context;
	part->done = collapse(part->from, part->length);
}

bool window_collapse(const struct window *window, struct team *team)
{
	size_t half = window->length / 2;
	half -= half % MURAL_HUGE_PAGE_SIZE;
	struct part upper = {.from = window->pixels, .length = half};
	struct part lower = {.from = window->pixels + half, .length = window->length - half};
	upper.task = (struct team_task){.run = collapse_part, .context = &upper};
	if (half == 0 || !team_start(team, &upper.task))
		return collapse(window->pixels, window->length);
	collapse_part(&lower);
	team_wait(&upper.task);
	return upper.done && lower.done;
}
