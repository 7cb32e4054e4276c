/* Probe and decode go through the same few functions, so that they can not come to different sizes.
 */
#include "plan.h"
#include "outcome.h"

#include <mural/pixel.h>

int plan_check_limits(const struct job *job, uint32_t stored_width, uint32_t stored_height,
	struct job_result *result)
{
	if (stored_width > MURAL_SIDE_MAX || stored_height > MURAL_SIDE_MAX)
		return outcome_fail(result, MURAL_REASON_TOO_LARGE,
			"%u x %u pixels: a side is over %u", stored_width, stored_height,
			MURAL_SIDE_MAX);
	if ((uint64_t)stored_width * stored_height > job->max_pixels)
		return outcome_fail(result, MURAL_REASON_TOO_LARGE,
			"%u x %u pixels: over the limit of %llu", stored_width, stored_height,
			(unsigned long long)job->max_pixels);
	return 0;
}

static void swap_if(bool swap, uint32_t *a, uint32_t *b)
{
	if (swap) {
		uint32_t kept = *a;
		*a = *b;
		*b = kept;
	}
}

void plan_make(const struct job *job, uint32_t stored_width, uint32_t stored_height,
	unsigned orientation, struct plan *ret, struct job_result *result)
{
	struct plan plan = {.stored_width = stored_width, .stored_height = stored_height};
	plan.orientation = job->flags & JOB_AS_STORED ? 1 : orientation;
	bool transposed = orientation_transposes(plan.orientation);

	result->source_width = stored_width;
	result->source_height = stored_height;
	swap_if(transposed, &result->source_width, &result->source_height);

	mural_fit(result->source_width, result->source_height, job->box_width, job->box_height,
		&plan.width, &plan.height);
	plan.fitted_width = plan.width;
	plan.fitted_height = plan.height;
	swap_if(transposed, &plan.fitted_width, &plan.fitted_height);

	result->width = plan.width;
	result->height = plan.height;
	if (plan.width != result->source_width || plan.height != result->source_height)
		result->flags |= MURAL_BITMAP_SCALED;
	*ret = plan;
}

int plan_check_target(
	const struct plan *plan, const struct picture_target *target, struct job_result *result)
{
	if (plan->width != target->width || plan->height != target->height)
		return outcome_fail(result, MURAL_REASON_CHANGED,
			"the picture is not the size it was (now %u x %u)", plan->width,
			plan->height);
	return 0;
}

int plan_check_memory(const struct job *job, uint64_t needed_bytes, struct job_result *result)
{
	if (needed_bytes > job->memory_bytes)
		return outcome_fail(result, MURAL_REASON_MEMORY,
			"decoding needs %llu KiB of memory, %llu KiB are allowed",
			(unsigned long long)needed_bytes >> 10,
			(unsigned long long)job->memory_bytes >> 10);
	return 0;
}
