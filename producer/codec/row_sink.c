/* From a decoder's rows to the bitmap.
 *
 * Orientations 1 to 4 keep rows as rows. For 5 to 8 a row becomes a column: written one at a time,
 * each pixel would touch a cache line and a page of its own, so BAND_ROWS of them are gathered and
 * turned together. */
#include "row_sink.h"
#include "outcome.h"
#include "pages.h"
#include "plan.h"

#include "common/util.h"

#include <errno.h>
#include <mural/pixel.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "rows are B, G, R, A bytes: only on a little-endian machine is that an ARGB8888 word"
#endif

#define ROW_PIXEL_BYTES 4u

/* 16 rows are one cache line of each column, and the band of a 6000 pixels wide picture, 384 KiB,
 * stays in the second-level cache: a 24 MP JPEG turned takes 110 ms of CPU, with 32 or 64 rows 160
 * to 180, unturned 70. */
#define BAND_ROWS ROW_SINK_PART
/* Keeps the rows of a band that is a power of two wide from competing for the same cache sets. */
#define BAND_ROW_GAP 64u

/* A strip stays in the second-level cache until it is written. The widest row fits. */
#define STRIP_BYTES ((size_t)256 << 10)

/* Of a place that malloc gives, which is a multiple of 16. */
#define BETWEEN_VECTORS 8u

static bool mirrors_x(unsigned orientation)
{
	return orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
}

static bool mirrors_y(unsigned orientation)
{
	return orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
}

static bool shape_scales(const struct row_shape *shape)
{
	return shape->width != shape->fitted_width || shape->height != shape->fitted_height;
}

bool row_shape_is_direct(const struct row_shape *shape)
{
	return !shape_scales(shape) && mural_format_bytes(shape->format) == ROW_PIXEL_BYTES &&
	       (shape->orientation == 1 || shape->orientation == 4);
}

static bool goes_down(const struct row_shape *shape)
{
	return !mirrors_y(shape->orientation) && !orientation_transposes(shape->orientation);
}

uint32_t row_shape_helpers(const struct row_shape *shape)
{
	uint64_t bytes = (uint64_t)shape->fitted_width * shape->fitted_height *
			 mural_format_bytes(shape->format);
	return !goes_down(shape) && bytes >= PAGES_WORTH_BYTES; /* one, that makes pages */
}

static uint32_t band_rows(const struct row_shape *shape)
{
	return orientation_transposes(shape->orientation) ? BAND_ROWS : 1;
}

static size_t band_stride(const struct row_shape *shape)
{
	return (size_t)shape->fitted_width * ROW_PIXEL_BYTES + BAND_ROW_GAP;
}

uint64_t row_sink_memory(const struct row_shape *shape)
{
	uint64_t bytes = STRIP_BYTES;
	if (row_shape_is_direct(shape))
		return bytes;
	bytes += band_stride(shape) * band_rows(shape);
	if (shape_scales(shape))
		bytes += (uint64_t)shape->width * ROW_PIXEL_BYTES + area_scale_memory(shape->width);
	return bytes;
}

/* Rows that are read again. Where a row begins at a multiple of its vectors, 16 or 32 bytes,
 * libjpeg-turbo writes it past the caches, and reading it waits for memory: 1224 x 816 pixels to
 * 256 x 171 take 5.6 ms instead of 4.2. malloc gives such places half of the time. */
static uint8_t *rows_create(size_t size)
{
	uint8_t *block = malloc(size + BETWEEN_VECTORS);
	return block ? block + BETWEEN_VECTORS : NULL;
}

static void rows_free(uint8_t *rows)
{
	if (rows)
		free(rows - BETWEEN_VECTORS);
}

static int sink_allocate(struct row_sink *sink)
{
	const struct row_shape *shape = &sink->shape;
	if (sink->direct)
		return 0;
	sink->band = rows_create(sink->band_stride * band_rows(shape));
	if (!sink->band)
		return -ENOMEM;
	if (!sink->scaled)
		return 0;
	sink->row = rows_create((size_t)shape->width * ROW_PIXEL_BYTES);
	if (!sink->row)
		return -ENOMEM;
	return area_scale_init(&sink->scale, shape->width, shape->height, shape->fitted_width,
		shape->fitted_height, !sink->drop_alpha);
}

int row_sink_init(
	struct row_sink *sink, const struct row_shape *shape, const struct picture_target *target)
{
	*sink = (struct row_sink){
		.shape = *shape,
		.target = target,
		.direct = row_shape_is_direct(shape),
		.scaled = shape_scales(shape),
		.drop_alpha = !shape->alpha || shape->format != MURAL_FORMAT_ARGB8888,
		.band_stride = band_stride(shape),
	};
	int r = sink_allocate(sink);
	if (r < 0)
		row_sink_fini(sink);
	return r;
}

void row_sink_fini(struct row_sink *sink)
{
	area_scale_fini(&sink->scale);
	rows_free(sink->row);
	rows_free(sink->band);
	rows_free(sink->strip);
	sink->strip = NULL;
	sink->row = NULL;
	sink->band = NULL;
}

uint32_t row_sink_begin_at(struct row_sink *sink, uint32_t fitted)
{
	sink->placed = fitted;
	sink->pushed =
		sink->scaled ? area_scale_begin_at(&sink->scale, fitted, &sink->partial) : fitted;
	return sink->pushed;
}

uint32_t row_sink_done(const struct row_sink *sink)
{
	return sink->direct ? sink->pushed : sink->placed;
}

static void write_strip(struct row_sink *sink)
{
	const struct picture_target *target = sink->target;
	const uint8_t *from = sink->strip;
	uint64_t at = target->fd_offset + (uint64_t)sink->strip_first * target->stride_bytes;
	size_t left = (size_t)sink->strip_count * target->stride_bytes;
	sink->strip_count = 0;
	while (left > 0 && sink->error == 0) {
		ssize_t written = pwrite(target->fd, from, left, (off_t)at);
		if (written < 0 && errno != EINTR)
			sink->error = -errno;
		if (written <= 0)
			continue;
		from += written;
		at += (uint64_t)written;
		left -= (size_t)written;
	}
}

static uint8_t *strip_row(struct row_sink *sink, uint32_t y)
{
	const size_t stride = sink->target->stride_bytes;
	if (sink->strip_count == 0 || y < sink->strip_first ||
		y - sink->strip_first >= STRIP_BYTES / stride) {
		write_strip(sink);
		sink->strip_first = y;
	}
	uint32_t row = y - sink->strip_first;
	if (sink->strip_count <= row)
		sink->strip_count = row + 1;
	return sink->strip + row * stride;
}

static uint8_t *target_row(struct row_sink *sink, uint32_t y)
{
	if (sink->strip)
		return strip_row(sink, y);
	return sink->target->pixels + (size_t)y * sink->target->stride_bytes;
}

static inline uint32_t pixel_load(const uint8_t *at)
{
	uint32_t pixel;
	memcpy(&pixel, at, sizeof(pixel));
	return pixel;
}

static inline uint16_t to_rgb565(uint32_t pixel)
{
	return (uint16_t)((pixel >> 8 & 0xf800) | (pixel >> 5 & 0x07e0) | (pixel >> 3 & 0x001f));
}

/* Writes pixel @i of a bitmap's row. Inlined with a constant @wide, so that no loop decides by
 * pixel. */
static inline void pixel_store(uint8_t *row, uint32_t i, uint32_t pixel, bool wide)
{
	uint16_t narrow = to_rgb565(pixel);
	if (wide)
		memcpy(row + (size_t)i * sizeof(pixel), &pixel, sizeof(pixel));
	else
		memcpy(row + (size_t)i * sizeof(narrow), &narrow, sizeof(narrow));
}

/* Rows of RGB565 with an odd width end in two bytes that belong to no pixel. */
static void clear_padding(const struct row_sink *sink, uint8_t *row)
{
	size_t used = (size_t)sink->target->width * mural_format_bytes(sink->target->format);
	memset(row + used, 0, sink->target->stride_bytes - used);
}

static inline void copy_row(
	const uint8_t *from, uint8_t *to, uint32_t width, bool mirrored, bool wide)
{
	for (uint32_t x = 0; x < width; x++)
		pixel_store(to, mirrored ? width - 1 - x : x,
			pixel_load(from + (size_t)x * ROW_PIXEL_BYTES), wide);
}

static void place_row(struct row_sink *sink)
{
	unsigned orientation = sink->shape.orientation;
	uint32_t width = sink->shape.fitted_width;
	uint32_t y = mirrors_y(orientation) ? sink->shape.fitted_height - 1 - sink->placed
					    : sink->placed;
	uint8_t *to = target_row(sink, y);
	bool wide = mural_format_bytes(sink->shape.format) == ROW_PIXEL_BYTES;

	if (mirrors_x(orientation) && wide)
		copy_row(sink->band, to, width, true, true);
	else if (mirrors_x(orientation))
		copy_row(sink->band, to, width, true, false);
	else if (wide)
		copy_row(sink->band, to, width, false, true);
	else
		copy_row(sink->band, to, width, false, false);
	clear_padding(sink, to);
	sink->placed++;
}

/* One column of the band becomes a piece of one row of the bitmap. */
static inline void turn_column(const struct row_sink *sink, uint32_t column, uint8_t *to,
	uint32_t rows, bool mirrored, bool wide)
{
	const uint8_t *from = sink->band + (size_t)column * ROW_PIXEL_BYTES;
	for (uint32_t i = 0; i < rows; i++)
		pixel_store(to, mirrored ? rows - 1 - i : i,
			pixel_load(from + i * sink->band_stride), wide);
}

/* Turns the @rows last rows that were placed. */
static void turn_band(struct row_sink *sink, uint32_t rows)
{
	const struct row_shape *shape = &sink->shape;
	bool mirrored = mirrors_x(shape->orientation);
	unsigned bytes = mural_format_bytes(shape->format);
	uint32_t first = sink->placed - rows;
	uint32_t x = mirrored ? shape->fitted_height - sink->placed : first;

	for (uint32_t column = 0; column < shape->fitted_width; column++) {
		uint32_t y =
			mirrors_y(shape->orientation) ? shape->fitted_width - 1 - column : column;
		uint8_t *row = target_row(sink, y);
		uint8_t *to = row + (size_t)x * bytes;
		if (mirrored && bytes == ROW_PIXEL_BYTES)
			turn_column(sink, column, to, rows, true, true);
		else if (mirrored)
			turn_column(sink, column, to, rows, true, false);
		else if (bytes == ROW_PIXEL_BYTES)
			turn_column(sink, column, to, rows, false, true);
		else
			turn_column(sink, column, to, rows, false, false);
		if (sink->placed == shape->fitted_height)
			clear_padding(sink, row);
	}
}

static void place_in_band(struct row_sink *sink)
{
	sink->placed++;
	if (sink->placed % BAND_ROWS == 0)
		turn_band(sink, BAND_ROWS);
	else if (sink->placed == sink->shape.fitted_height)
		turn_band(sink, sink->placed % BAND_ROWS);
}

/* Where the next row goes after scaling. */
static uint8_t *band_place(struct row_sink *sink)
{
	uint32_t i = orientation_transposes(sink->shape.orientation) ? sink->placed % BAND_ROWS : 0;
	return sink->band + i * sink->band_stride;
}

uint8_t *row_sink_direct_row(struct row_sink *sink, uint32_t y)
{
	return target_row(
		sink, mirrors_y(sink->shape.orientation) ? sink->shape.fitted_height - 1 - y : y);
}

bool row_sink_make_pages(struct row_sink *sink)
{
	if (!goes_down(&sink->shape))
		return false;
	if (sink->target->fd >= 0)
		sink->strip = rows_create(STRIP_BYTES);
	sink->maps_pages = !sink->strip && sink->direct;
	return sink->strip || sink->maps_pages;
}

int row_sink_end(struct row_sink *sink, struct job_result *result)
{
	if (sink->strip)
		write_strip(sink);
	if (sink->error == 0)
		return 0;
	return outcome_fail(result, MURAL_REASON_MEMORY, "the bitmap can not be written");
}

/* A piece at a time. */
static void map_pages(struct row_sink *sink, uint8_t *row)
{
	const struct picture_target *target = sink->target;
	const uint8_t *end = target->pixels + (size_t)target->height * target->stride_bytes;
	uint8_t *row_end = row + target->stride_bytes;
	if (row_end <= sink->mapped)
		return;
	size_t left = (size_t)(end - row);
	size_t piece = target->stride_bytes + (size_t)MURAL_HUGE_PAGE_SIZE;
	pages_map(row, piece < left ? piece : left);
	sink->mapped = row + piece;
}

uint8_t *row_sink_place(struct row_sink *sink)
{
	if (sink->maps_pages)
		map_pages(sink, row_sink_direct_row(sink, sink->pushed));
	if (sink->direct)
		return row_sink_direct_row(sink, sink->pushed);
	return sink->scaled ? sink->row : band_place(sink);
}

static void make_opaque(uint8_t *row, uint32_t width)
{
	for (uint32_t x = 0; x < width; x++)
		row[(size_t)x * ROW_PIXEL_BYTES + 3] = 0xff;
}

void row_sink_push(struct row_sink *sink)
{
	uint8_t *row = row_sink_place(sink);
	if (sink->drop_alpha && sink->shape.alpha && !sink->scaled)
		make_opaque(row, sink->shape.width);
	sink->pushed++;
	if (sink->direct)
		return;
	if (sink->scaled && !area_scale_push(&sink->scale, row, band_place(sink)))
		return;
	if (sink->partial) {
		sink->partial = false;
		return;
	}
	if (orientation_transposes(sink->shape.orientation))
		place_in_band(sink);
	else
		place_row(sink);
}

void row_sink_fill_missing(struct row_sink *sink)
{
	while (sink->pushed < sink->shape.height) {
		uint8_t *row = row_sink_place(sink);
		memset(row, 0, (size_t)sink->shape.width * ROW_PIXEL_BYTES);
		if (sink->drop_alpha)
			make_opaque(row, sink->shape.width);
		row_sink_push(sink);
	}
}
