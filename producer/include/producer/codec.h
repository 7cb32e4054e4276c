/* producer/codec.h - image decoders behind one small table. They run inside a decoder process, shut
 * in, on hostile bytes.
 *
 * A codec reads through a struct source (pread: never mapped), checks dimensions against the job
 * before it allocates anything by them, and writes rows into memory that its caller mapped. It does
 * not print, exit, change signal handlers, open anything, make threads, or keep state between
 * calls; it needs pread, pwrite to where it decodes, anonymous memory, madvise, the helpers of the
 * team that it is given, and nothing else. The pixels and the outcome are the same with any number
 * of helpers.
 *
 * What a picture becomes
 *
 * Sizes: the bitmap is mural_fit() of the upright picture into the job's box (of the stored picture
 * with JOB_AS_STORED). JPEG is first scaled inside the DCT, to the smallest of 1/8, 1/4, 1/2 and 1
 * that still covers the bitmap in both directions, and the rest of the way, like all of PNG, by an
 * exact area average: every channel of a pixel is the mean of the source pixels under it, weighted by the area
 * covered and, in ARGB8888, by alpha, and rounded to the nearest 8-bit value.
 *
 * JPEG: libjpeg's islow DCT and fancy upsampling, the same bytes as libjpeg-turbo's own. CMYK and
 * YCCK (first turned into CMYK): with an Adobe marker the samples are inverted (255 is no ink) and
 * R = (C * K + 127) / 255, in integers; without one R = ((255 - C) * (255 - K) + 127) / 255; G and
 * B likewise from M and Y.
 *
 * PNG: every colour type and depth becomes 8 bits a channel. Fewer bits are expanded, 16 bits are
 * scaled as png_set_scale_16 does, a tRNS chunk becomes alpha. XRGB8888 and RGB565 drop alpha: the
 * colours are the file's own, not blended with anything.
 *
 * Colour: ICC profiles, gAMA, cHRM and sRGB are not applied.
 *
 * Orientation: the EXIF tag of the JPEG's first Exif segment, or of a PNG's eXIf chunk before its
 * picture data. Outside 1 to 8 is 1.
 *
 * What counts as whole
 *
 * A JPEG is whole when it reached its EOI marker, a PNG when it reached IEND, without a complaint
 * about its data: also a file that lacks nothing but that marker is TRUNCATED, because a
 * progressive JPEG cut between two scans looks just the same. Warnings about data that libjpeg
 * would merely print are errors: TRUNCATED when the data end early, CORRUPT otherwise. In PNG,
 * damage in a chunk that carries no pixels is ignored. A JPEG of over 500 scans is UNSUPPORTED.
 *
 * With JOB_ALLOW_PARTIAL a picture that is truncated or damaged after its header succeeds with
 * MURAL_BITMAP_PARTIAL if at least one row of it was decoded. Pixels that never came are 0: black
 * in RGB565, transparent in ARGB8888, and opaque black (X stays 0xff) in XRGB8888. Of an interlaced
 * or progressive picture the coarse version stands where the fine one is missing.
 *
 * Previews
 *
 * With JOB_PREVIEW the bitmap is a coarse version that is quicker to have, flagged
 * MURAL_BITMAP_PREVIEW: fitted into the box, never larger than the picture at 1/8 or its thumbnail.
 * Of a JPEG the first of these that there is: the thumbnail of its EXIF block (64 to 1024 pixels,
 * baseline, the sides of the picture within a pixel of rounding, the picture's orientation); of a
 * progressive one of 4 megapixels and more the mean values that its first scans bring; of a
 * baseline one of that size a DCT at 1/8, if the picture itself would be more than half its size.
 * Everything else is refused with MURAL_REASON_NO_PREVIEW: other formats, CMYK, small pictures,
 * and files that are damaged where it was read. JOB_ALLOW_PARTIAL changes nothing. */
#ifndef PRODUCER_CODEC_H
#define PRODUCER_CODEC_H

#include "producer/job.h"
#include "producer/team.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The file: a descriptor and a position of our own. */
struct source {
	int fd; /* borrowed */
	uint64_t position;
	/* NULL: all of the file is read. Otherwise pieces of it, one after the other: the one at
	 * @position ends at @end, and then this sets both to the next. */
	void (*next)(struct source *source);
	uint64_t end;
};

/* Reads @size bytes, fewer only at the end (or to the end of a piece: the next one is not asked for
 * before its bytes are), and moves on. 0: the end. -errno. */
int64_t source_read(struct source *source, void *buffer, size_t size);

/* Where the pixels go. */
struct picture_target {
	uint8_t *pixels; /* mural_bitmap_layout's rows; every byte is written, padding as 0 */
	int fd; /* of the same memory, borrowed: pages that are not there yet cost less when
		   rows are written than when they are faulted in; or -1 */
	uint64_t fd_offset; /* of pixels in it */
	struct team *team;  /* borrowed; may be NULL */
	uint32_t format, width, height, stride_bytes;
};

/* The window of a job, and who helps. */
struct codec_place {
	uint8_t *pixels; /* mapped, window_length bytes */
	/* The file that is mapped, where a writer may use pwrite as well; or -1. */
	int fd;
	/* Helpers that have nothing to do, and have nothing to do again afterwards; or NULL. */
	struct team *team;
};

struct codec {
	const char *name;
	uint32_t source_kind;
	/* Do these first bytes (up to 16) look like this format? */
	bool (*recognise)(const uint8_t *bytes, size_t size);
	/* Reads the header, fills the sizes, flags, and what decoding needs, of @result, and decodes
	 * where plan_target (plan.h) says so. 1: the pixels are there.  0: only the facts. On failure
	 * fills error, reason and text as well, and returns the error: among others -ESTALE,
	 * MURAL_REASON_CHANGED: DECODE, and the bitmap would be of another size; -ENOMEM,
	 * MURAL_REASON_MEMORY: DECODE, and it would need more than @job's memory_bytes. */
	int (*run)(struct source *source, const struct job *job, const struct codec_place *place,
		struct job_result *result);
	/* The same for JOB_PREVIEW; NULL: this format has no previews. */
	int (*preview)(struct source *source, const struct job *job,
		const struct codec_place *place, struct job_result *result);
};

extern const struct codec codec_jpeg;
extern const struct codec codec_png;

/* What a thread's first decode would open, done ahead: once in each thread that is to decode shut
 * in, or in the one that its process is forked from. team_create does it in its helpers. */
void codec_prepare_thread(void);

/* Recognises the format and runs the job. Always fills @result (error, reason, text). @place: NULL
 * for a PROBE without a window; its bytes are undefined unless @result says decoded. */
void codec_run(int source_fd, const struct job *job, const struct codec_place *place,
	struct job_result *result);

#endif
