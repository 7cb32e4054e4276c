/* area_scale.h - shrinks a picture to an exact size, row by row, by averaging areas.
 *
 * Rows are 4 bytes a pixel: B, G, R, A. Every channel of a pixel of the result is the exact mean of
 * what lies under it, rounded to the nearest value; with alpha, colours are weighted by it, and
 * fully transparent pixels are 0. */
#ifndef CODEC_AREA_SCALE_H
#define CODEC_AREA_SCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct area_scale {
	uint32_t from_width, from_height; /* no side is over 65535 */
	uint32_t to_width, to_height;     /* never larger */
	bool alpha;                       /* false: alpha is taken as 255 */
	uint32_t filled; /* of from_height: how much of the row under way has been added */
	uint32_t *sums;  /* owned; 4 a source column: channel times the rows' weights */
};

/* What area_scale_init allocates, bytes. */
uint64_t area_scale_memory(uint32_t from_width);

/* -ENOMEM. */
int area_scale_init(struct area_scale *scale, uint32_t from_width, uint32_t from_height,
	uint32_t to_width, uint32_t to_height, bool alpha);
void area_scale_fini(struct area_scale *scale);

/* Before the first row: begins at row @to of the result. Returns the source row to begin with. When
 * @ret_partial, the first row of the result that then comes is the one before, and not whole. */
uint32_t area_scale_begin_at(struct area_scale *scale, uint32_t to, bool *ret_partial);

/* Takes the next source row. True: a row of the result is complete and has been written to
 * @ret_row. */
bool area_scale_push(struct area_scale *scale, const uint8_t *row, uint8_t *ret_row);

#endif
