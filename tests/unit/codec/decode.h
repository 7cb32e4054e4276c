/* decode.h - running jobs on files and on bytes, as the producer would: probe, reserve, decode. */
#ifndef TESTS_CODEC_DECODE_H
#define TESTS_CODEC_DECODE_H

#include "producer/codec.h"

#include <mural/mural_types.h>
#include <mural/pixel.h>

struct bytes {
	uint8_t *data; /* owned */
	size_t size;
};

struct request {
	uint32_t format; /* 0: XRGB8888 */
	uint32_t flags, box_width, box_height;
	uint64_t max_pixels;   /* 0: 2^28 */
	uint64_t memory_bytes; /* 0: what the probe said */
	unsigned helpers;      /* threads beside the one that decodes */
	bool writes;           /* the decoder gets a descriptor of its memory, too */
};

struct decoded {
	struct job_result probe, result; /* result: the probe's when that failed */
	uint8_t *pixels;                 /* owned; NULL unless decoded */
	size_t size;
};

/* Reads a whole file. */
struct bytes bytes_read(const char *path);
void bytes_free(struct bytes *bytes);
/* A descriptor that holds @size bytes. The caller closes it. */
int bytes_fd(const uint8_t *data, size_t size);

/* Probes and decodes. The bitmap lies right before an unmapped page and is full of rubbish
 * beforehand. Returns result.error. */
int decode_fd(int fd, const struct request *request, struct decoded *ret);
int decode_bytes(
	const uint8_t *data, size_t size, const struct request *request, struct decoded *ret);
int decode_path(const char *path, const struct request *request, struct decoded *ret);
void decoded_free(struct decoded *decoded);

/* Calls @use for each picture of the project's own, and says how many there were. */
unsigned each_asset(void (*use)(const char *path, void *user), void *user);
/* The same, only those of assets/formats whose names start so. */
unsigned each_format(const char *prefix, void (*use)(const char *path, void *user), void *user);

#endif
