/* The table of codecs, and running one job with the right one. */
#include "producer/codec.h"
#include "outcome.h"

#include "common/util.h"

#include <mural/pixel.h>
#include <string.h>

static const struct codec *const codecs[] = {&codec_jpeg, &codec_png};

static const struct codec *codec_find(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (codecs[i]->recognise(bytes, size))
			return codecs[i];
	return NULL;
}

/* The target that the job describes. -ESTALE: it can not be one, or does not fit into the window.
 */
static int target_of_job(const struct job *job, const struct codec_place *place,
	struct picture_target *ret, struct job_result *result)
{
	uint32_t stride;
	uint64_t size;
	if (!place || !mural_bitmap_layout(job->format, job->width, job->height, &stride, &size) ||
		stride != job->stride_bytes || size > job->window_length)
		return outcome_fail(
			result, MURAL_REASON_CHANGED, "the memory does not fit the bitmap");
	*ret = (struct picture_target){
		.pixels = place->pixels,
		.fd = place->fd,
		.fd_offset = job->window_offset,
		.team = place->team,
		.format = job->format,
		.width = job->width,
		.height = job->height,
		.stride_bytes = job->stride_bytes,
	};
	return 0;
}

static void run(struct source *source, const struct job *job, const struct codec_place *place,
	struct job_result *result)
{
	uint8_t start[16];
	int64_t got = source_read(source, start, sizeof(start));
	if (got < 0) {
		outcome_fail_source(result, (int)got);
		return;
	}
	if (got == 0) {
		outcome_fail(result, MURAL_REASON_EMPTY, "the file is empty");
		return;
	}
	const struct codec *codec = codec_find(start, (size_t)got);
	if (!codec) {
		outcome_fail(result, MURAL_REASON_NOT_IMAGE, "not a picture that can be decoded");
		return;
	}
	source->position = 0;
	result->source_kind = codec->source_kind;
	bool preview = job->flags & JOB_PREVIEW;
	if (preview && !codec->preview_probe) {
		outcome_fail(result, MURAL_REASON_NO_PREVIEW, "no preview: not of this format");
		return;
	}
	if (job->kind == JOB_PROBE) {
		(preview ? codec->preview_probe : codec->probe)(source, job, result);
		return;
	}
	struct picture_target target;
	if (target_of_job(job, place, &target, result) == 0)
		(preview ? codec->preview_decode : codec->decode)(source, job, &target, result);
}

void codec_run(int source_fd, const struct job *job, const struct codec_place *place,
	struct job_result *result)
{
	uint64_t start_ns = monotonic_ns();
	struct source source = {.fd = source_fd};
	memset(result, 0, sizeof(*result));
	run(&source, job, place, result);
	result->decode_ns = monotonic_ns() - start_ns;
}
