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

/* After the header, with the sizes and memory_bytes of @result filled: does the job go on to
 * decode? 1: into @ret.  0: no, it is a PROBE without a window, or with one that does not fit, or
 * the picture is more than the job grants.  -ESTALE: DECODE, and this is another bitmap than the
 * one there is memory for.  -ENOMEM: DECODE needs more than the job grants. */
int plan_target(const struct job *job, const struct codec_place *place, struct picture_target *ret,
	struct job_result *result);

/* Whether what @result says is the bitmap of @target, when the header is read again. As above. */
int plan_check_target(
	const struct job *job, const struct picture_target *target, struct job_result *result);

#endif
