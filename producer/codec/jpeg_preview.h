/* jpeg_preview.h - a coarse version of a JPEG that is there before the real one. What it is, and
 * when there is none, says JOB_PREVIEW in producer/codec.h. */
#ifndef CODEC_JPEG_PREVIEW_H
#define CODEC_JPEG_PREVIEW_H

#include "producer/codec.h"

int jpeg_preview(struct source *source, const struct job *job, const struct codec_place *place,
	struct job_result *result);

#endif
