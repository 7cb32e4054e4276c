/* plan.h - what a job makes of one picture: its orientation, its size upright, and the size of the
 * bitmap. */
#ifndef CODEC_PLAN_H
#define CODEC_PLAN_H

#include "producer/codec.h"

struct plan {
	unsigned orientation; /* what is to be applied, 1 to 8: 1 with JOB_AS_STORED */
	uint32_t stored_width, stored_height; /* the file's picture */
	uint32_t fitted_width, fitted_height; /* the bitmap, before the orientation is applied */
	uint32_t width, height;               /* the bitmap */
};

/* Orientations 5 to 8 turn rows into columns. */
static inline bool orientation_transposes(unsigned orientation)
{
	return orientation >= 5;
}

/* -EFBIG: a side over MURAL_SIDE_MAX, or more pixels than the job allows. */
int plan_check_limits(const struct job *job, uint32_t stored_width, uint32_t stored_height,
	struct job_result *result);

/* Computes the plan and fills the sizes and flags of @result. @orientation: the file's, checked. */
void plan_make(const struct job *job, uint32_t stored_width, uint32_t stored_height,
	unsigned orientation, struct plan *ret, struct job_result *result);

/* Whether @target is the bitmap of @plan. -ESTALE: it is not, the file has changed. */
int plan_check_target(
	const struct plan *plan, const struct picture_target *target, struct job_result *result);

/* -ENOMEM: decoding needs more than the job grants. */
int plan_check_memory(const struct job *job, uint64_t needed_bytes, struct job_result *result);

#endif
