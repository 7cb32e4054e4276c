/* outcome.h - how a decoder writes down that it failed. */
#ifndef CODEC_OUTCOME_H
#define CODEC_OUTCOME_H

#include "producer/job.h"

#include <mural/mural_types.h>

/* Fills error, reason and text of @result. Returns the error: the -errno that mural_types.h lists
 * beside @reason. */
int outcome_fail(struct job_result *result, enum mural_reason reason, const char *text, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a read of the source that failed with @error (-errno). */
int outcome_fail_source(struct job_result *result, int error);

/* Takes a failure back: what was decoded until then is kept as a part. */
void outcome_make_partial(struct job_result *result);

#endif
