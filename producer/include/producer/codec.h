/* producer/codec.h - image decoders behind one small table. They run inside a decoder process, shut in, on hostile bytes.
 *
 * A codec reads through @source (pread: never mapped), checks dimensions against the job before it allocates anything, and writes rows through a
 * row_sink in the job's format. It must not print, exit, change signal handlers, or keep state between calls. Errors: -errno and a reason as
 * enum mural_reason lists them, and one line of text. */
#ifndef PRODUCER_CODEC_H
#define PRODUCER_CODEC_H

#include "producer/job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The file: a descriptor and a position of our own. */
struct source {
	int fd; /* borrowed */
	uint64_t position;
};

/* Reads up to @size bytes and moves on. 0: the end. -errno. */
int64_t source_read(struct source *source, void *buffer, size_t size);

/* Where the pixels of a DECODE go. */
struct picture_target {
	uint8_t *pixels; /* height rows of stride_bytes; every byte is written, padding as 0 */
	uint32_t format, width, height, stride_bytes;
};

struct codec {
	const char *name;
	uint32_t source_kind;
	/* Do these first bytes (up to 16) look like this format? */
	bool (*recognise)(const uint8_t *bytes, size_t size);
	/* Fills the sizes, flags and memory_bytes of @result. */
	int (*probe)(struct source *source, const struct job *job, struct job_result *result);
	/* Decodes into @target, whose size is what probe said; checks that it still is. */
	int (*decode)(struct source *source, const struct job *job, const struct picture_target *target, struct job_result *result);
};

extern const struct codec codec_jpeg;
extern const struct codec codec_png;

/* Recognises the format and runs the job. Always fills @result (error, reason, text). @pixels: the mapped window, NULL for PROBE. */
void codec_run(int source_fd, const struct job *job, uint8_t *pixels, struct job_result *result);

#endif
