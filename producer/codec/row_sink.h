/* row_sink.h - where a decoder puts its rows: scaled to the bitmap's exact size, turned upright,
 * converted to its format.
 *
 * The decoder gives all rows of its picture from the top, each 4 bytes a pixel: B, G, R, A. It asks
 * for the place of the next row, writes it there and pushes it. Where nothing is to be done to a
 * row that place is the bitmap itself. */
#ifndef CODEC_ROW_SINK_H
#define CODEC_ROW_SINK_H

#include "area_scale.h"
#include "producer/codec.h"

/* What the rows are and what becomes of them. */
struct row_shape {
	uint32_t width, height;               /* of the rows that come */
	uint32_t fitted_width, fitted_height; /* after scaling, before turning */
	unsigned orientation;                 /* EXIF's number, 1 to 8 */
	uint32_t format;                      /* of the bitmap */
	bool alpha; /* the rows' alpha means something (or rows may stay missing) */
};

struct row_sink {
	struct row_shape shape;
	const struct picture_target *target; /* borrowed */
	bool direct;                         /* rows are written in the bitmap itself */
	bool scaled;
	bool drop_alpha; /* X is to be 0xff, whatever the rows' alpha is */
	uint32_t pushed; /* rows that came */
	uint32_t placed; /* rows, after scaling, that are in the bitmap or in the band */
	bool partial;    /* the next row that comes out of scaling is another sink's */
	uint8_t *strip;  /* owned; rows that are to be written in one go; NULL: rows go where
			    the bitmap is mapped */
	uint32_t strip_first, strip_count; /* of the bitmap's rows */
	int error;                         /* -errno of a write that failed, 0 */
	bool maps_pages;                   /* of the bitmap, a piece ahead of the rows */
	const uint8_t *mapped;             /* up to here */
	uint8_t *row;                      /* owned; the place for rows that are to be scaled */
	uint8_t *band; /* owned; rows on their way into the bitmap, several when they become columns
			*/
	size_t band_stride;
	struct area_scale scale;
};

/* What row_sink_init allocates, bytes. */
uint64_t row_sink_memory(const struct row_shape *shape);

/* How many helpers have something to do for rows of this shape, whatever they come from. */
uint32_t row_shape_helpers(const struct row_shape *shape);

/* @target has the size of @shape, fitted and turned. -ENOMEM. */
int row_sink_init(
	struct row_sink *sink, const struct row_shape *shape, const struct picture_target *target);
void row_sink_fini(struct row_sink *sink);

/* Two sinks can share a bitmap: one gets rows until it has done so many, the other, which begins
 * there, the rest. @fitted counts rows after scaling, and is a multiple of ROW_SINK_PART. */
#define ROW_SINK_PART 16u
/* Before the first push. Returns the row of the picture that is to be pushed first. */
uint32_t row_sink_begin_at(struct row_sink *sink, uint32_t fitted);
/* All rows after scaling before this one are in the bitmap, or will be with the end of their strip
 * or band. */
uint32_t row_sink_done(const struct row_sink *sink);

/* Before the first row, by a decoder that gets the rows one by one from here on (and does not use
 * row_sink_direct_row) and sees to the bitmap's pages itself: those that are there are mapped
 * shortly before they are written, or all are made by writing strips of rows into the target's
 * descriptor. Then row_sink_end must follow the last row. False: it does not, for rows that do not
 * go down the bitmap. */
bool row_sink_make_pages(struct row_sink *sink);
/* 0; or fails with MURAL_REASON_MEMORY: rows could not be written. */
int row_sink_end(struct row_sink *sink, struct job_result *result);

/* Whether nothing is to be done to rows of this shape: then they can be written in the bitmap over
 * and over, in any order, before each is pushed once. */
bool row_shape_is_direct(const struct row_shape *shape);
uint8_t *row_sink_direct_row(struct row_sink *sink, uint32_t y);

/* The place of the next row; valid until the push. */
uint8_t *row_sink_place(struct row_sink *sink);
/* The next row is in its place. */
void row_sink_push(struct row_sink *sink);
/* All rows that have not come are missing: they count as 0. */
void row_sink_fill_missing(struct row_sink *sink);

#endif
