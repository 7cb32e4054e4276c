/* The table of codecs, and running one job with the right one. */
#include "producer/codec.h"
#include "outcome.h"

#include "common/util.h"

#include <string.h>

static const struct codec *const codecs[] = {&codec_jpeg, &codec_png};

static const struct codec *codec_find(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (codecs[i]->recognise(bytes, size))
			return codecs[i];
	return NULL;
}

static int run(struct source *source, const struct job *job, const struct codec_place *place,
	struct job_result *result)
{
	uint8_t start[16];
	int64_t got = source_read(source, start, sizeof(start));
	if (got < 0)
		return outcome_fail_source(result, (int)got);
	if (got == 0)
		return outcome_fail(result, MURAL_REASON_EMPTY, "the file is empty");
	const struct codec *codec = codec_find(start, (size_t)got);
	if (!codec)
		return outcome_fail(
			result, MURAL_REASON_NOT_IMAGE, "not a picture that can be decoded");
	source->position = 0;
	result->source_kind = codec->source_kind;
	if (!(job->flags & JOB_PREVIEW))
		return codec->run(source, job, place, result);
	if (!codec->preview)
		return outcome_fail(
			result, MURAL_REASON_NO_PREVIEW, "no preview: not of this format");
	return codec->preview(source, job, place, result);
}

void codec_run(int source_fd, const struct job *job, const struct codec_place *place,
	struct job_result *result)
{
	uint64_t start_ns = monotonic_ns();
	struct source source = {.fd = source_fd};
	memset(result, 0, sizeof(*result));
	result->decoded = run(&source, job, place, result) > 0;
	result->decode_ns = monotonic_ns() - start_ns;
}
