/* A producer whose codec says what a decoder that an image has taken over could say: the first byte
 * of the source says which lie. Huge pages can be made, it believes; of a window of fewer than two
 * they are not to be had. */
#include "producer/codec.h"

#include "common/collapse.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool __wrap_collapse_works(void);
bool __wrap_collapse_works(void)
{
	return true;
}

bool __wrap_collapse(uint8_t *from, size_t length);
bool __wrap_collapse(uint8_t *from, size_t length)
{
	(void)from;
	return length >= 2 * MURAL_HUGE_PAGE_SIZE;
}

static void say(struct job_result *result, uint32_t side, uint32_t fitted)
{
	result->source_width = result->source_height = side;
	result->width = result->height = fitted;
	result->decoded = 1;
}

void codec_run(int source_fd, const struct job *job, const struct codec_place *place,
	struct job_result *result)
{
	char what = 0;
	uint32_t fitted = job->box_width > 0 && job->box_width < 1000 ? job->box_width : 1000;
	memset(result, 0, sizeof(*result));
	if (pread(source_fd, &what, 1, 0) != 1)
		result->error = -1;
	if (place) /* with what it was to begin with */
		memset(place->pixels, job->flags & JOB_COLLAPSE ? 'c' : 'p',
			(size_t)job->window_length);
	say(result, 1000, fitted);
	result->memory_bytes = (uint64_t)1 << 20;
	switch (what) {
	case 'z':
		say(result, 0, 0);
		break;
	case 'b': /* larger than the box */
		say(result, 1000, fitted + 1);
		break;
	case 'h': /* helpers that need all memory there is; then, how much it was given */
		result->decoded = 0;
		result->helpers = UINT32_MAX;
		result->memory_bytes = result->helper_bytes = UINT64_MAX / 16;
		if (job->kind == JOB_DECODE) {
			result->error = -12;
			result->reason = MURAL_REASON_MEMORY;
			snprintf(result->text, sizeof(result->text), "%u %llu", job->threads,
				(unsigned long long)job->memory_bytes);
		}
		break;
	case 'p': /* reads the header, or decodes, for as long as its file says so */
	case 's':
		result->decoded = 0;
		result->helpers = 1;
		while ((what == 'p' && job->kind == JOB_PROBE) ||
			(what == 's' && job->kind == JOB_DECODE))
			if (pread(source_fd, &what, 1, 0) != 1)
				break;
		break;
	case 'm':
		result->error = -12;
		result->reason = MURAL_REASON_MEMORY;
		break;
	case 'f':
		result->error = -74;
		result->reason = MURAL_REASON_CORRUPT;
		break;
	default:
		break;
	}
}
