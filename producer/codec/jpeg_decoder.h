/* jpeg_decoder.h - one decompressor on its way through a JPEG, and its steps.
 *
 *     jpeg.c         the steps, errors, and the codec that strings them together
 *     jpeg_slices.c  several decompressors on one picture with restart markers, a thread each
 *     jpeg_halves.c  two decompressors on one picture, by two threads
 *     jpeg_scans.c   several on one progressive picture, a thread each
 *
 * libjpeg reports errors by a callback that must not return: every step is run by jpeg_guarded, and
 * everything that must survive the jump lives here. */
#ifndef CODEC_JPEG_DECODER_H
#define CODEC_JPEG_DECODER_H

#include "jpeg_source.h"
#include "plan.h"
#include "row_sink.h"

#include <setjmp.h>

#define JPEG_MARKER_BYTES_MAX 65533u

struct jpeg {
	struct jpeg_decompress_struct cinfo;
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	struct jpeg_source input;
	jmp_buf escape;
	const struct job *job;
	struct job_result *result;
	struct plan plan;
	struct row_shape shape;
	struct row_sink sink;
	unsigned orientation; /* 0: no Exif segment seen yet */
	bool header_read;
	bool inverted;              /* inks: 255 is none */
	bool damaged;               /* with JOB_ALLOW_PARTIAL: some data were missing or wrong */
	uint32_t good_rows;         /* of the scaled picture; rows from here on never came */
	struct jpeg_reader *reader; /* of jpeg_scans.c: its scans come in an order of its own */
	uint8_t marker[JPEG_MARKER_BYTES_MAX];
};

/* A decoder that has read the header of a picture that fits @target, with its sink made. NULL:
 * @result says why not. @source is borrowed until jpeg_close. */
struct jpeg *jpeg_open(struct source *source, const struct job *job,
	const struct picture_target *target, struct job_result *result);
void jpeg_close(struct jpeg *jpeg);

/* Runs a step of libjpeg calls. The failure that is in the result when one of them jumped out, 0
 * when it came to its end. */
int jpeg_guarded(struct jpeg *jpeg, void (*step)(struct jpeg *jpeg, void *context), void *context);

/* Inside a step: starts the decompressor; reads the next row and passes it on (false: rows from
 * here on never came); after the last row, sees whether the file ends as it should. */
void jpeg_start(struct jpeg *jpeg);
bool jpeg_next_row(struct jpeg *jpeg);
void jpeg_finish(struct jpeg *jpeg);
/* Rows that are decoded as one. */
uint32_t jpeg_unit_rows(const struct jpeg_decompress_struct *cinfo);
/* Before the first row that counts: from the beginning of a unit to row @row, by way of the sink's
 * place. */
void jpeg_pass_over_to(struct jpeg *jpeg, uint32_t row);
/* Its rows are all in the bitmap, or it fails. */
void jpeg_end_rows(struct jpeg *jpeg);

/* Bytes that were passed over and that libjpeg has not complained of: it does when it next has to
 * look for a marker, which may be never. Not every libjpeg lets us know; then it says true. */
bool jpeg_has_leftovers(const struct jpeg_decompress_struct *cinfo);
bool jpeg_leftovers_are_known(void);

/* ---- several threads ---- */

/* Worth the trouble? */
bool jpeg_is_large(const struct jpeg *jpeg);

/* A large picture whose one scan is read as it is decoded. libjpeg keeps what has several scans in
 * memory as a whole. */
bool jpeg_is_sequential(const struct jpeg *jpeg);

/* What a helper of jpeg_decode_slices needs besides: a scanner, and 8 bytes for each place. */
#define JPEG_SLICES_BYTES (JPEG_BUFFER_BYTES + ((size_t)65 << 10))

/* Whether several decompressors can share the picture, each in a way of its own. What the header
 * tells. */
bool jpeg_slices_possible(const struct jpeg *jpeg);
bool jpeg_halves_possible(const struct jpeg *jpeg);
bool jpeg_scans_possible(const struct jpeg *jpeg);

/* Decode by this thread, with @jpeg just opened, and by helpers. 0: done, and the pixels are those
 * of one thread. Anything else: nothing is known of the pixels; to be done again by one thread,
 * which will find out what is wrong. */
int jpeg_decode_slices(struct jpeg *jpeg, int source_fd, const struct picture_target *target);
int jpeg_decode_halves(struct jpeg *jpeg, int source_fd, const struct picture_target *target);
int jpeg_decode_scans(struct jpeg *jpeg, int source_fd, const struct picture_target *target);

#endif
