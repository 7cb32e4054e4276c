/* PNG by libpng.
 *
 * As with libjpeg, errors arrive in a callback that must not return; guarded() sets the place it
 * jumps to, and what must survive lives in struct png. libpng would inflate and keep text, profiles
 * and suggested palettes of any size: all chunks that do not change pixels are declared unknown,
 * and unknown ones are dropped. Only eXIf is looked at.
 *
 * A large picture is first tried the quick way: png_feed.h puts inflated data in the place of its
 * IDAT chunks. Should anything at all go wrong there, the picture is decoded again from its
 * beginning by libpng and zlib alone, so that what is refused, why, and how much of a damaged
 * picture is kept do not depend on how it was tried. */
#include "exif_orientation.h"
#include "outcome.h"
#include "pages.h"
#include "plan.h"
#include "png_feed.h"
#include "row_sink.h"

#include "common/util.h"

#include <mural/pixel.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define PNG_BUFFER_BYTES ((size_t)64 << 10)
/* How much libpng takes at a time to inflate: what a cut file's last piece holds is lost. */
#define PNG_INFLATE_BYTES ((size_t)1 << 10)
/* libpng's and zlib's fixed state and buffers: measured below 128 KiB; and one unknown chunk. */
#define PNG_FIXED_BYTES ((uint64_t)256 << 10)
#define PNG_CHUNK_BYTES_MAX ((png_alloc_size_t)64 << 10)
/* How much of a stream that is only to be copied it takes at a time. */
#define PNG_FEED_BYTES ((size_t)32 << 10)

struct png {
	png_structp png;
	png_infop info;
	struct source *source; /* borrowed */
	jmp_buf escape;
	const struct job *job;
	struct job_result *result;
	struct plan plan;
	struct row_shape shape;
	struct row_sink sink;
	unsigned orientation; /* 0: no eXIf chunk seen yet */
	bool reading_pixels;  /* from here on an eXIf chunk comes too late */
	bool ended;           /* libpng wanted more than there is */
	int error;            /* -errno of a read that failed, 0 */
	int passes;
	bool came;              /* at least one row was decoded */
	uint64_t feed_bytes;    /* of filtered rows, when the quick way suits; 0: it does not */
	uint32_t first_bytes;   /* of the first IDAT */
	struct png_feed *feed;  /* owned; what is read in place of the file, NULL: the file */
	uint8_t *image;         /* owned; an interlaced picture that is to be scaled or turned */
	size_t buffered, taken; /* of buffer: bytes that it holds, bytes that libpng has had */
	uint8_t buffer[PNG_BUFFER_BYTES];
};

/* ---- errors ---- */

_Noreturn static void png_escape(struct png *png)
{
	longjmp(png->escape, 1);
}

static void on_error(png_structp context, png_const_charp message)
{
	struct png *png = png_get_error_ptr(context);
	if (png->error)
		outcome_fail_source(png->result, png->error);
	else if (png->ended)
		outcome_fail(png->result, MURAL_REASON_TRUNCATED, "the PNG ends early");
	else if (strcmp(message, "Out of memory") == 0)
		outcome_fail(png->result, MURAL_REASON_MEMORY, "no memory for the decoder");
	else
		outcome_fail(png->result, MURAL_REASON_CORRUPT, "%s", message);
	png_escape(png);
}

/* Warnings concern chunks without pixels, or data after the last pixel. */
static void on_warning(png_structp context, png_const_charp message)
{
	(void)context;
	(void)message;
}

/* ---- the header ---- */

/* False: the end of the file, or an error. */
static bool fill_buffer(struct png *png)
{
	int64_t got = source_read(png->source, png->buffer, sizeof(png->buffer));
	png->taken = 0;
	png->buffered = got > 0 ? (size_t)got : 0;
	if (got < 0)
		png->error = (int)got;
	return got > 0;
}

/* The chunks that follow are the file's own, and libpng is to check them. */
static void leave_feed(struct png *png, uint64_t position)
{
	png_feed_close(png->feed);
	png->feed = NULL;
	png->source->position = position;
	png->taken = png->buffered = 0;
	png_set_crc_action(png->png, PNG_CRC_DEFAULT, PNG_CRC_NO_CHANGE);
}

static void read_data(png_structp context, png_bytep data, size_t size)
{
	struct png *png = png_get_io_ptr(context);
	uint64_t position;
	if (png->feed && png_feed_ended(png->feed, &position))
		leave_feed(png, position);
	if (png->feed) {
		if (!png_feed_read(png->feed, data, size))
			png_error(context, "the quick way is not possible");
		return;
	}
	while (size > 0) {
		if (png->taken == png->buffered && !fill_buffer(png)) {
			png->ended = true;
			png_error(context, "end of file");
		}
		size_t piece = min_u64(size, png->buffered - png->taken);
		memcpy(data, png->buffer + png->taken, piece);
		png->taken += piece;
		data += piece;
		size -= piece;
	}
}

/* Gets every chunk that libpng was told not to know. 1: dealt with. */
static int on_unknown_chunk(png_structp context, png_unknown_chunkp chunk)
{
	static const uint8_t exif_header[6] = "Exif\0";
	struct png *png = png_get_user_chunk_ptr(context);
	if (memcmp(chunk->name, "eXIf", 4) != 0)
		return 1;
	if (png->orientation != 0 || png->reading_pixels || chunk->size == 0 ||
		chunk->size > PNG_CHUNK_BYTES_MAX)
		return 1;
	/* The chunk is a bare TIFF structure; JPEG's Exif segments, which libexif reads, put a
	 * header before it. */
	uint8_t *block = malloc(sizeof(exif_header) + chunk->size);
	if (!block)
		return 1;
	memcpy(block, exif_header, sizeof(exif_header));
	memcpy(block + sizeof(exif_header), chunk->data, chunk->size);
	png->orientation = exif_orientation(block, sizeof(exif_header) + chunk->size);
	free(block);
	return 1;
}

static void forget_chunks(png_structp context)
{
	/* Each name with its terminating zero, as libpng wants it. */
	static const char names[] = "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0"
				    "sBIT\0sCAL\0sPLT\0sRGB\0sTER\0tEXt\0tIME\0zTXt";
	png_set_keep_unknown_chunks(
		context, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep)names, (int)sizeof(names) / 5);
	png_set_chunk_malloc_max(context, PNG_CHUNK_BYTES_MAX);
	png_set_chunk_cache_max(context, 1);
	png_set_benign_errors(context, 1);
}

static void step_read_header(struct png *png)
{
	png->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, png, on_error, on_warning);
	png->info = png->png ? png_create_info_struct(png->png) : NULL;
	if (!png->info) {
		outcome_fail(png->result, MURAL_REASON_MEMORY, "no memory for the decoder");
		png_escape(png);
	}
	png_set_read_fn(png->png, png, read_data);
	png_set_read_user_chunk_fn(png->png, png, on_unknown_chunk);
	png_set_compression_buffer_size(png->png, PNG_INFLATE_BYTES);
	forget_chunks(png->png);
	png_read_info(png->png, png->info);
	png->reading_pixels = true;
}

static bool has_alpha(const struct png *png)
{
	return (png_get_color_type(png->png, png->info) & PNG_COLOR_MASK_ALPHA) != 0 ||
	       png_get_valid(png->png, png->info, PNG_INFO_tRNS) != 0;
}

/* Every picture becomes B, G, R, A bytes. */
static void step_configure(struct png *png)
{
	bool alpha = has_alpha(png);
	png_set_scale_16(png->png);
	png_set_expand(png->png);
	png_set_gray_to_rgb(png->png);
	png_set_bgr(png->png);
	if (!alpha)
		png_set_filler(png->png, 0xff, PNG_FILLER_AFTER);
	png->passes = png_set_interlace_handling(png->png);
	if (alpha)
		png->result->flags |= MURAL_BITMAP_HAS_ALPHA;
	png->shape = (struct row_shape){
		.width = png->plan.stored_width,
		.height = png->plan.stored_height,
		.fitted_width = png->plan.fitted_width,
		.fitted_height = png->plan.fitted_height,
		.orientation = png->plan.orientation,
		.format = png->job->format,
		.alpha = alpha || (png->job->flags & JOB_ALLOW_PARTIAL) != 0,
	};
}

/* ---- the quick way ---- */

/* All filtered rows of the picture. */
static uint64_t raw_bytes(const struct png *png)
{
	uint64_t bits = (uint64_t)png_get_bit_depth(png->png, png->info) *
			png_get_channels(png->png, png->info);
	uint64_t bytes = 0;
	for (unsigned pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++) {
		bool interlaced = png_get_interlace_type(png->png, png->info) != 0;
		uint64_t width = png->plan.stored_width, height = png->plan.stored_height;
		if (interlaced) {
			width = PNG_PASS_COLS(png->plan.stored_width, pass);
			height = PNG_PASS_ROWS(png->plan.stored_height, pass);
		}
		if (width > 0)
			bytes += height * (1 + (width * bits + 7) / 8);
		if (!interlaced)
			break;
	}
	return bytes;
}

/* libpng has read as far as the header of the first IDAT. */
static uint64_t data_position(const struct png *png)
{
	return png->source->position - (png->buffered - png->taken);
}

/* The length of the first IDAT, which libpng keeps to itself. */
static bool first_chunk_bytes(const struct png *png, uint32_t *ret)
{
	uint8_t header[8];
	struct source before = {.fd = png->source->fd, .position = data_position(png) - 8};
	if (source_read(&before, header, sizeof(header)) != sizeof(header) ||
		memcmp(header + 4, "IDAT", 4) != 0)
		return false;
	*ret = png_get_uint_32(header);
	return true;
}

static void see_whether_feed_suits(struct png *png)
{
	uint64_t bytes = raw_bytes(png);
	if (first_chunk_bytes(png, &png->first_bytes) && png_feed_suits(bytes, png->first_bytes))
		png->feed_bytes = bytes;
}

static int open_feed(struct png *png, const struct picture_target *target)
{
	png->feed = png_feed_open(png->source->fd, data_position(png), png->first_bytes,
		png->feed_bytes, target->team);
	if (!png->feed)
		return -1;
	png_set_crc_action(png->png, PNG_CRC_QUIET_USE, PNG_CRC_NO_CHANGE);
	png_set_option(png->png, PNG_IGNORE_ADLER32, PNG_OPTION_ON);
	png_set_compression_buffer_size(png->png, PNG_FEED_BYTES);
	return 0;
}

/* ---- memory ---- */

static size_t row_bytes(const struct png *png)
{
	return (size_t)png->shape.width * 4;
}

static bool needs_image(const struct png *png)
{
	return png->passes > 1 && !row_shape_is_direct(&png->shape);
}

static uint64_t png_memory(const struct png *png)
{
	/* libpng keeps the row under way, with room for every transformation (at most 16 bits x 4),
	 * and the one before. */
	uint64_t rows = 2 * ((uint64_t)png->shape.width * 8 + 128);
	uint64_t bytes = rows + row_sink_memory(&png->shape);
	if (needs_image(png))
		bytes += row_bytes(png) * (uint64_t)png->shape.height;
	if (png->feed_bytes > 0)
		bytes += png_feed_memory();
	if (bytes < EXIF_MEMORY_BYTES)
		bytes = EXIF_MEMORY_BYTES;
	return bytes + sizeof(*png) + PNG_FIXED_BYTES;
}

/* ---- rows ---- */

static void read_rows(struct png *png)
{
	for (uint32_t y = 0; y < png->shape.height; y++) {
		png_read_row(png->png, row_sink_place(&png->sink), NULL);
		row_sink_push(&png->sink);
		png->came = true;
	}
}

static uint8_t *interlaced_row(struct png *png, uint32_t y)
{
	return png->image ? png->image + row_bytes(png) * y : row_sink_direct_row(&png->sink, y);
}

/* A part shows each early pixel as a block, as big as the grid it comes from; a whole picture needs
 * no such thing. */
static void read_interlaced(struct png *png)
{
	bool blocks = (png->job->flags & JOB_ALLOW_PARTIAL) != 0;
	for (int pass = 0; pass < png->passes; pass++) {
		for (uint32_t y = 0; y < png->shape.height; y++) {
			uint8_t *row = interlaced_row(png, y);
			png_read_row(png->png, blocks ? NULL : row, blocks ? row : NULL);
			png->came = true;
		}
	}
}

static void step_decode(struct png *png)
{
	png_start_read_image(png->png);
	if (png->passes > 1)
		read_interlaced(png);
	else
		read_rows(png);
	png_read_end(png->png, NULL);
}

/* Interlaced rows go the way of all others once the picture is as complete as it gets. */
static void push_interlaced(struct png *png)
{
	for (uint32_t y = 0; y < png->shape.height; y++) {
		if (png->image)
			memcpy(row_sink_place(&png->sink), interlaced_row(png, y), row_bytes(png));
		row_sink_push(&png->sink);
	}
}

/* ---- the codec ---- */

/* Runs a step of libpng calls. The failure that is in the result when one of them jumped out, 0
 * when it came to its end. */
static int guarded(struct png *png, void (*step)(struct png *png))
{
	if (setjmp(png->escape))
		return png->result->error;
	step(png);
	return 0;
}

static void png_close(struct png *png)
{
	if (!png)
		return;
	png_feed_close(png->feed);
	row_sink_fini(&png->sink);
	free(png->image);
	if (png->png)
		png_destroy_read_struct(&png->png, &png->info, NULL);
	free(png);
}

static void png_close_p(struct png **png)
{
	png_close(*png);
}

static struct png *png_new(struct source *source, const struct job *job, struct job_result *result)
{
	struct png *png = calloc(1, sizeof(*png));
	if (!png) {
		outcome_fail(result, MURAL_REASON_MEMORY, "no memory for the decoder");
		return NULL;
	}
	png->source = source;
	png->job = job;
	png->result = result;
	return png;
}

/* Reads the header and settles everything that follows from it. */
static int png_prepare(struct png *png)
{
	int header = guarded(png, step_read_header);
	uint32_t width = png->info ? png_get_image_width(png->png, png->info) : 0;
	uint32_t height = png->info ? png_get_image_height(png->png, png->info) : 0;
	/* First the limits: whatever else is wrong with a picture that is too large, this is what
	 * to say of it. */
	int limits = plan_check_limits(png->job, width, height, png->result);
	if (limits < 0)
		return limits;
	if (header < 0)
		return header;
	plan_make(png->job, width, height, png->orientation ? png->orientation : 1, &png->plan,
		png->result);
	int r = guarded(png, step_configure);
	if (r < 0)
		return r;
	see_whether_feed_suits(png);
	png->result->memory_bytes = png_memory(png);
	png->result->helpers = png->feed_bytes > 0 || png->passes > 1
				       ? 1 /* that inflates, or makes pages */
				       : row_shape_helpers(&png->shape);
	return 0;
}

static bool png_recognise(const uint8_t *bytes, size_t size)
{
	static const uint8_t start[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	return size >= 4 && memcmp(bytes, start, size < sizeof(start) ? size : sizeof(start)) == 0;
}

/* Interlaced pixels that never come must be 0, wherever they are gathered. */
static int prepare_image(struct png *png)
{
	if (needs_image(png)) {
		png->image = calloc(png->shape.height, row_bytes(png));
		return png->image ? 0 : -1;
	}
	if (png->passes > 1 && (png->job->flags & JOB_ALLOW_PARTIAL))
		for (uint32_t y = 0; y < png->shape.height; y++)
			memset(row_sink_direct_row(&png->sink, y), 0, row_bytes(png));
	return 0;
}

/* After the rows: what came is kept when it is all, or a part is wanted. */
static int png_settle(struct png *png, int failure)
{
	bool partial = (png->job->flags & JOB_ALLOW_PARTIAL) && !png->error && png->came;
	if (failure < 0 && !partial)
		return failure;
	if (png->passes > 1)
		push_interlaced(png);
	if (failure == 0)
		return 0;
	row_sink_fill_missing(&png->sink);
	outcome_make_partial(png->result);
	return 0;
}

static int png_rows(struct png *png, const struct picture_target *target)
{
	struct pages pages = {0};
	if (png->passes > 1 || !row_sink_make_pages(&png->sink))
		pages_begin(&pages, target);
	int r = png_settle(png, guarded(png, step_decode));
	pages_end(&pages);
	return r < 0 ? r : row_sink_end(&png->sink, png->result);
}

/* Any failure means: not this way. */
static int png_rows_quick(struct png *png, const struct picture_target *target)
{
	return open_feed(png, target) < 0 ? -1 : png_rows(png, target);
}

/* @quick NULL: by libpng and zlib alone. Else the quick way if it suits; *quick says whether it was
 * tried. */
static int png_attempt(struct source *source, const struct job *job,
	const struct codec_place *place, bool *quick, struct job_result *result)
{
	struct picture_target target;
	CLEANUP(png_close_p) struct png *png = png_new(source, job, result);
	int r = png ? png_prepare(png) : result->error;
	if (r == 0)
		r = plan_target(job, place, &target, result);
	if (r <= 0)
		return r;
	if (row_sink_init(&png->sink, &png->shape, &target) < 0 || prepare_image(png) < 0)
		return outcome_fail(result, MURAL_REASON_MEMORY, "no memory for rows");
	if (quick)
		*quick = png->feed_bytes > 0;
	r = quick && *quick ? png_rows_quick(png, &target) : png_rows(png, &target);
	return r < 0 ? r : 1;
}

static int png_run(struct source *source, const struct job *job, const struct codec_place *place,
	struct job_result *result)
{
	const struct source source_before = *source;
	const struct job_result result_before = *result;
	bool quick = false;
	int r = png_attempt(source, job, place, &quick, result);
	if (!quick || (r > 0 && !(result->flags & MURAL_BITMAP_PARTIAL)))
		return r;
	*source = source_before;
	*result = result_before;
	return png_attempt(source, job, place, NULL, result);
}

const struct codec codec_png = {
	.name = "PNG",
	.source_kind = JOB_SOURCE_PNG,
	.recognise = png_recognise,
	.run = png_run,
};
