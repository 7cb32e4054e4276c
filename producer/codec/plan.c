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

static uint64_t memory_needed(const struct job *job, const struct job_result *result)
{
	return job_memory_bytes(
		result, job->threads < result->helpers ? job->threads : result->helpers);
}

int plan_check_target(
	const struct job *job, const struct picture_target *target, struct job_result *result)
{
	if (result->width != target->width || result->height != target->height)
		return outcome_fail(result, MURAL_REASON_CHANGED,
			"the picture is not the size it was (now %u x %u)", result->width,
			result->height);
	uint64_t needed = memory_needed(job, result);
	if (needed > job->memory_bytes)
		return outcome_fail(result, MURAL_REASON_MEMORY,
			"decoding needs %llu KiB of memory, %llu KiB are allowed",
			(unsigned long long)needed >> 10,
			(unsigned long long)job->memory_bytes >> 10);
	return 0;
}

static struct picture_target target_in(const struct job *job, const struct codec_place *place)
{
	return (struct picture_target){
		.pixels = place->pixels,
		.fd = place->fd,
		.fd_offset = job->window_offset,
		.team = place->team,
		.format = job->format,
	};
}

/* A window for exactly this bitmap. */
static int take_reserved(
	const struct job *job, struct picture_target *target, struct job_result *result)
{
	uint64_t size;
	target->width = job->width;
	target->height = job->height;
	if (!mural_bitmap_layout(
		    target->format, target->width, target->height, &target->stride_bytes, &size) ||
		target->stride_bytes != job->stride_bytes || size > job->window_length)
		return outcome_fail(
			result, MURAL_REASON_CHANGED, "the memory does not fit the bitmap");
	int r = plan_check_target(job, target, result);
	return r < 0 ? r : 1;
}

/* A window that was made before anybody knew the bitmap. */
static int take_if_it_fits(
	const struct job *job, struct picture_target *target, const struct job_result *result)
{
	uint64_t size;
	target->width = result->width;
	target->height = result->height;
	return mural_bitmap_layout(target->format, target->width, target->height,
		       &target->stride_bytes, &size) &&
	       size <= job->window_length && memory_needed(job, result) <= job->memory_bytes &&
	       (uint64_t)result->source_width * result->source_height <= job->go_on_pixels;
}

int plan_target(const struct job *job, const struct codec_place *place, struct picture_target *ret,
	struct job_result *result)
{
	if (!place)
		return job->kind == JOB_PROBE ? 0
					      : outcome_fail(result, MURAL_REASON_CHANGED,
							"no memory for the bitmap");
	struct picture_target target = target_in(job, place);
	int r = job->kind == JOB_PROBE ? take_if_it_fits(job, &target, result)
				       : take_reserved(job, &target, result);
	if (r > 0)
		*ret = target;
	return r;
}
