/* JPEG by libjpeg-turbo. Nothing is ever printed. */
#include "exif_orientation.h"
#include "jpeg_decoder.h"
#include "jpeg_preview.h"
#include "outcome.h"
#include "pages.h"

#include "common/util.h"

#include <errno.h>
#include <jerror.h>
#include <mural/pixel.h>
#include <stdlib.h>
#include <string.h>

/* libjpeg's fixed state, tables, and the rounding of its and malloc's pools: measured below 300
 * KiB. */
#define JPEG_FIXED_BYTES ((uint64_t)384 << 10)
/* What several threads on one progressive picture need besides, of which most is an index. */
#define JPEG_SCANS_BYTES ((uint64_t)128 << 10)

/* Each scan walks over the whole picture, and an empty one takes 20 bytes of file. Encoders write
 * 10 or so. */
#define SCANS_MAX 500

static struct jpeg *jpeg_of(j_common_ptr cinfo)
{
	return cinfo->client_data;
}

/* ---- errors and warnings ---- */

static enum mural_reason reason_of_message(const struct jpeg *jpeg, int code)
{
	switch (code) {
	case JERR_OUT_OF_MEMORY:
	case JERR_NO_BACKING_STORE:
		return MURAL_REASON_MEMORY;
	case JERR_IMAGE_TOO_BIG:
	case JERR_WIDTH_OVERFLOW:
		return MURAL_REASON_TOO_LARGE;
	case JERR_ARITH_NOTIMPL:
	case JERR_BAD_PRECISION:
	case JERR_CCIR601_NOTIMPL:
	case JERR_COMPONENT_COUNT:
	case JERR_CONVERSION_NOTIMPL:
	case JERR_EMPTY_IMAGE: /* its height comes after its data */
	case JERR_FRACT_SAMPLE_NOTIMPL:
	case JERR_NOT_COMPILED:
	case JERR_NOTIMPL:
	case JERR_SOF_UNSUPPORTED:
		return MURAL_REASON_UNSUPPORTED;
	default:
		return jpeg->input.ended ? MURAL_REASON_TRUNCATED : MURAL_REASON_CORRUPT;
	}
}

_Noreturn static void jpeg_escape(struct jpeg *jpeg)
{
	longjmp(jpeg->escape, 1);
}

_Noreturn static void jpeg_fail(struct jpeg *jpeg, enum mural_reason reason)
{
	char text[JMSG_LENGTH_MAX];
	if (jpeg->input.error) {
		outcome_fail_source(jpeg->result, jpeg->input.error);
	} else if (reason == MURAL_REASON_TRUNCATED) {
		outcome_fail(jpeg->result, reason, "the JPEG ends early");
	} else {
		jpeg->errors.format_message((j_common_ptr)&jpeg->cinfo, text);
		outcome_fail(jpeg->result, reason, "%s", text);
	}
	jpeg_escape(jpeg);
}

_Noreturn static void error_exit(j_common_ptr cinfo)
{
	struct jpeg *jpeg = jpeg_of(cinfo);
	jpeg_fail(jpeg, reason_of_message(jpeg, jpeg->errors.msg_code));
}

/* Rows that do not depend on MCU row @imcu_row or a later one: upsampling looks one row group
 * ahead. */
static uint32_t rows_before(const struct jpeg_decompress_struct *cinfo, uint32_t imcu_row)
{
	uint32_t group = (uint32_t)cinfo->max_v_samp_factor;
	uint32_t rows = imcu_row * group * (uint32_t)cinfo->min_DCT_scaled_size;
	if (rows >= cinfo->output_height)
		return cinfo->output_height;
	return rows > group ? rows - group : 0;
}

/* The data ended while the decoder was in this place. Later scans only refine rows that the first
 * one brought. */
static void note_end(struct jpeg *jpeg, int scan, uint32_t imcu_row)
{
	jpeg->damaged = true;
	if (scan > 1)
		return;
	uint32_t rows = rows_before(&jpeg->cinfo, imcu_row);
	if (rows < jpeg->good_rows)
		jpeg->good_rows = rows;
}

static bool warning_is_harmless(const struct jpeg *jpeg, int code)
{
	switch (code) {
	case JWRN_ADOBE_XFORM:
	case JWRN_JFIF_MAJOR:
	case JWRN_NOT_SEQUENTIAL: /* encoders that leave three unused bytes 0 */
		return true;
	case JWRN_BOGUS_PROGRESSION: /* each thread sees some of the scans only */
		return jpeg->reader != NULL;
	case JWRN_EXTRANEOUS_DATA: /* between segments of the header it touches no pixel */
		return !jpeg->header_read;
	default:
		return false;
	}
}

/* Negative levels are warnings: libjpeg would go on with what it has. Others are traces. */
static void emit_message(j_common_ptr common, int level)
{
	struct jpeg *jpeg = jpeg_of(common);
	struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
	int code = jpeg->errors.msg_code;
	if (level >= 0 || warning_is_harmless(jpeg, code))
		return;
	bool ends =
		jpeg->input.ended || (code == JWRN_HIT_MARKER && cinfo->unread_marker == JPEG_EOI);
	if (!(jpeg->job->flags & JOB_ALLOW_PARTIAL))
		jpeg_fail(jpeg, ends ? MURAL_REASON_TRUNCATED : MURAL_REASON_CORRUPT);
	jpeg->damaged = true;
	if (ends && code == JWRN_HIT_MARKER)
		note_end(jpeg, cinfo->input_scan_number, cinfo->input_iMCU_row);
}

/* Called for each row of MCUs that is read. */
static void progress_monitor(j_common_ptr cinfo)
{
	struct jpeg *jpeg = jpeg_of(cinfo);
	if (jpeg->cinfo.input_scan_number <= SCANS_MAX)
		return;
	outcome_fail(jpeg->result, MURAL_REASON_UNSUPPORTED, "a JPEG of over %d scans", SCANS_MAX);
	jpeg_escape(jpeg);
}

/* The file ended before its EOI marker: a failure, or a part. */
static void check_ended(struct jpeg *jpeg)
{
	if (!jpeg->input.ended)
		return;
	if (!(jpeg->job->flags & JOB_ALLOW_PARTIAL) || jpeg->input.error)
		jpeg_fail(jpeg, MURAL_REASON_TRUNCATED);
	/* Huffman decoders say when they lack a bit. Arithmetic ones take zeros for whatever is
	 * missing. */
	if (jpeg->cinfo.arith_code)
		note_end(jpeg, jpeg->input.ended_scan, jpeg->input.ended_imcu_row);
	jpeg->damaged = true;
}

/* ---- the header ---- */

static boolean read_app1(j_decompress_ptr cinfo)
{
	struct jpeg *jpeg = jpeg_of((j_common_ptr)cinfo);
	unsigned length = (unsigned)jpeg_source_byte(cinfo) << 8;
	length |= jpeg_source_byte(cinfo);
	if (length < 2)
		ERREXIT(cinfo, JERR_BAD_LENGTH);
	length -= 2;
	for (unsigned i = 0; i < length; i++)
		jpeg->marker[i] = jpeg_source_byte(cinfo);
	if (jpeg->orientation == 0 && length > 6 && memcmp(jpeg->marker, "Exif\0", 6) == 0)
		jpeg->orientation = exif_orientation(jpeg->marker, length);
	return TRUE;
}

static void step_read_header(struct jpeg *jpeg, void *source)
{
	j_decompress_ptr cinfo = &jpeg->cinfo;
	jpeg_create_decompress(cinfo);
	/* libjpeg refuses what would go over this: in this build it has no temporary files. */
	cinfo->mem->max_memory_to_use =
		jpeg->job->memory_bytes > INT32_MAX ? INT32_MAX : (long)jpeg->job->memory_bytes;
	jpeg_source_init(&jpeg->input, source, cinfo);
	jpeg->progress.progress_monitor = progress_monitor;
	cinfo->progress = &jpeg->progress;
	jpeg_set_marker_processor(cinfo, JPEG_APP0 + 1, read_app1);
	jpeg_read_header(cinfo, TRUE);
	jpeg->header_read = true;
	if (jpeg->input.ended)
		jpeg_fail(jpeg, MURAL_REASON_TRUNCATED);
}

static void choose_colours(struct jpeg *jpeg)
{
	j_decompress_ptr cinfo = &jpeg->cinfo;
	switch (cinfo->jpeg_color_space) {
	case JCS_GRAYSCALE:
	case JCS_YCbCr:
	case JCS_RGB:
		cinfo->out_color_space = JCS_EXT_BGRA;
		return;
	case JCS_CMYK:
	case JCS_YCCK:
		cinfo->out_color_space = JCS_CMYK;
		return;
	default:
		outcome_fail(jpeg->result, MURAL_REASON_UNSUPPORTED, "a JPEG of %d components",
			cinfo->num_components);
		jpeg_escape(jpeg);
	}
}

/* The smallest of 1/8, 1/4, 1/2 and 1 that covers the fitted size. libjpeg-turbo has vector code
 * for these alone; 24 MP, processor time without the scaling that follows, in ms:
 *
 *     n/8     1   2   3   4   5   6   7   8
 *            56  66  82  72 141 129 161  85
 *
 * of which entropy decoding is 53. libjpeg rounds sizes up: 1/2 of 1 pixel is 1, but it is not the
 * same pixel. */
static void choose_scale(struct jpeg *jpeg)
{
	j_decompress_ptr cinfo = &jpeg->cinfo;
	bool full = jpeg->plan.fitted_width == cinfo->image_width &&
		    jpeg->plan.fitted_height == cinfo->image_height;
	cinfo->scale_denom = DCTSIZE;
	for (cinfo->scale_num = full ? DCTSIZE : 1; cinfo->scale_num <= DCTSIZE;
		cinfo->scale_num *= 2) {
		jpeg_calc_output_dimensions(cinfo);
		if (cinfo->output_width >= jpeg->plan.fitted_width &&
			cinfo->output_height >= jpeg->plan.fitted_height)
			return;
	}
}

static void step_configure(struct jpeg *jpeg, void *context)
{
	(void)context;
	j_decompress_ptr cinfo = &jpeg->cinfo;
	choose_colours(jpeg);
	jpeg->inverted = cinfo->saw_Adobe_marker; /* now: what is between scans may not be read */
	cinfo->dct_method = JDCT_ISLOW;
	cinfo->do_fancy_upsampling = TRUE;
	choose_scale(jpeg);
	jpeg->good_rows = cinfo->output_height;
	jpeg->shape = (struct row_shape){
		.width = cinfo->output_width,
		.height = cinfo->output_height,
		.fitted_width = jpeg->plan.fitted_width,
		.fitted_height = jpeg->plan.fitted_height,
		.orientation = jpeg->plan.orientation,
		.format = jpeg->job->format,
		.alpha = jpeg->job->format == MURAL_FORMAT_ARGB8888 &&
			 (jpeg->job->flags & JOB_ALLOW_PARTIAL) != 0,
	};
}

/* ---- memory ---- */

static uint64_t round_up_int(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* What libjpeg will allocate for all coefficients of one component, when a file has several scans.
 */
static uint64_t coefficient_memory(const jpeg_component_info *component)
{
	uint64_t across =
		round_up_int(component->width_in_blocks, (uint64_t)component->h_samp_factor);
	uint64_t down =
		round_up_int(component->height_in_blocks, (uint64_t)component->v_samp_factor);
	return across * down * sizeof(JBLOCK);
}

/* Of one component's rows on their way. */
static uint64_t row_memory(j_decompress_ptr cinfo, const jpeg_component_info *component)
{
	uint64_t across =
		round_up_int(component->width_in_blocks, (uint64_t)component->h_samp_factor);
	uint64_t groups = (uint64_t)cinfo->min_DCT_scaled_size + 2;
	uint64_t group_rows = (uint64_t)component->v_samp_factor *
			      (uint64_t)component->DCT_scaled_size /
			      (uint64_t)cinfo->min_DCT_scaled_size;
	uint64_t row_bytes = across * (uint64_t)component->DCT_scaled_size + 64;
	uint64_t full_row_bytes =
		round_up_int(cinfo->output_width, (uint64_t)cinfo->max_h_samp_factor) + 64;

	return groups * group_rows * row_bytes +
	       (uint64_t)cinfo->max_v_samp_factor * full_row_bytes;
}

/* What one thread needs, what helpers have to do, and what each of them needs besides. */
static void name_needs(struct jpeg *jpeg, struct job_result *result)
{
	j_decompress_ptr cinfo = &jpeg->cinfo;
	uint64_t bytes = row_sink_memory(&jpeg->shape), coefficients = 0;
	for (int i = 0; i < cinfo->num_components; i++) {
		bytes += row_memory(cinfo, &cinfo->comp_info[i]);
		if (jpeg_has_multiple_scans(cinfo))
			coefficients += coefficient_memory(&cinfo->comp_info[i]);
	}
	/* EXIF is read, and its memory free again, before any row exists. */
	bytes = max_u64(bytes, EXIF_MEMORY_BYTES);
	bytes += sizeof(*jpeg) + JPEG_FIXED_BYTES;
	result->memory_bytes = bytes + coefficients;
	if (jpeg_slices_possible(jpeg)) {
		result->helpers = JOB_THREADS_MAX;
		/* The caller opens another one, too, when it is done with this. */
		result->helper_bytes = bytes + JPEG_SLICES_BYTES + sizeof(*jpeg) + JPEG_FIXED_BYTES;
	} else if (jpeg_scans_possible(jpeg)) {
		result->helpers = JOB_THREADS_MAX;
		result->helper_bytes = bytes + JPEG_SCANS_BYTES;
	} else if (jpeg_halves_possible(jpeg)) {
		result->helpers = 1;
		result->helper_bytes = bytes;
	} else {
		result->helpers = row_shape_helpers(&jpeg->shape);
	}
}

/* ---- rows ---- */

static uint8_t ink_product(unsigned a, unsigned b)
{
	return (uint8_t)((a * b + 127) / 255);
}

/* C, M, Y, K becomes B, G, R, 255 in the same place; @flip is 255 for data that are not inverted.
 */
static void cmyk_to_bgra(uint8_t *row, uint32_t width, uint8_t flip)
{
	for (uint32_t x = 0; x < width; x++, row += 4) {
		uint8_t cyan = row[0] ^ flip, magenta = row[1] ^ flip, yellow = row[2] ^ flip,
			key = row[3] ^ flip;
		row[0] = ink_product(yellow, key);
		row[1] = ink_product(magenta, key);
		row[2] = ink_product(cyan, key);
		row[3] = 255;
	}
}

void jpeg_start(struct jpeg *jpeg)
{
	jpeg_start_decompress(&jpeg->cinfo);
	if (jpeg_has_multiple_scans(&jpeg->cinfo))
		check_ended(jpeg);
}

bool jpeg_next_row(struct jpeg *jpeg)
{
	j_decompress_ptr cinfo = &jpeg->cinfo;
	uint32_t y = cinfo->output_scanline;
	JSAMPROW row = row_sink_place(&jpeg->sink);
	jpeg_read_scanlines(cinfo, &row, 1);
	if (jpeg->input.ended && cinfo->arith_code)
		check_ended(jpeg);
	if (y >= jpeg->good_rows)
		return false;
	if (cinfo->out_color_space == JCS_CMYK)
		cmyk_to_bgra(row, cinfo->output_width, jpeg->inverted ? 0 : 255);
	row_sink_push(&jpeg->sink);
	return true;
}

uint32_t jpeg_unit_rows(const struct jpeg_decompress_struct *cinfo)
{
	return (uint32_t)(cinfo->max_v_samp_factor * cinfo->min_DCT_scaled_size);
}

/* libjpeg passes over whole units exactly; of parts of them (2.1) it does not when its upsampling
 * needs no neighbours. */
void jpeg_pass_over_to(struct jpeg *jpeg, uint32_t row)
{
	struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
	uint32_t units = (row - cinfo->output_scanline) / jpeg_unit_rows(cinfo);
	if (units > 0)
		jpeg_skip_scanlines(cinfo, units * jpeg_unit_rows(cinfo));
	while (cinfo->output_scanline < row) {
		/* Where the first that counts will overwrite it. */
		JSAMPROW place = row_sink_place(&jpeg->sink);
		jpeg_read_scanlines(cinfo, &place, 1);
	}
}

void jpeg_finish(struct jpeg *jpeg)
{
	jpeg_finish_decompress(&jpeg->cinfo);
	check_ended(jpeg);
}

void jpeg_end_rows(struct jpeg *jpeg)
{
	if (row_sink_end(&jpeg->sink, jpeg->result) < 0)
		jpeg_escape(jpeg);
}

static void step_decode(struct jpeg *jpeg, void *context)
{
	(void)context;
	jpeg_start(jpeg);
	while (jpeg->cinfo.output_scanline < jpeg->cinfo.output_height)
		if (!jpeg_next_row(jpeg))
			return;
	jpeg_finish(jpeg);
}

/* ---- the codec ---- */

/* Below this many pixels a picture takes a few milliseconds. Fuzzers say less, since what they try
 * is small. */
#ifndef JPEG_SHARED_PIXELS_MIN
#define JPEG_SHARED_PIXELS_MIN ((uint64_t)1 << 20)
#endif

bool jpeg_is_large(const struct jpeg *jpeg)
{
	uint64_t pixels = (uint64_t)jpeg->cinfo.image_width * jpeg->cinfo.image_height;
	return pixels >= JPEG_SHARED_PIXELS_MIN;
}

bool jpeg_is_sequential(const struct jpeg *jpeg)
{
	const struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
	return !cinfo->progressive_mode && !cinfo->arith_code &&
	       cinfo->comps_in_scan == cinfo->num_components && jpeg_is_large(jpeg);
}

int jpeg_guarded(struct jpeg *jpeg, void (*step)(struct jpeg *jpeg, void *context), void *context)
{
	if (setjmp(jpeg->escape))
		return jpeg->result->error;
	step(jpeg, context);
	return 0;
}

void jpeg_close(struct jpeg *jpeg)
{
	if (!jpeg)
		return;
	row_sink_fini(&jpeg->sink);
	jpeg_destroy_decompress(&jpeg->cinfo);
	free(jpeg);
}

static void jpeg_close_p(struct jpeg **jpeg)
{
	jpeg_close(*jpeg);
}

static struct jpeg *jpeg_new(const struct job *job, struct job_result *result)
{
	struct jpeg *jpeg = calloc(1, sizeof(*jpeg));
	if (!jpeg) {
		outcome_fail(result, MURAL_REASON_MEMORY, "no memory for the decoder");
		return NULL;
	}
	jpeg->job = job;
	jpeg->result = result;
	jpeg->cinfo.err = jpeg_std_error(&jpeg->errors);
	jpeg->cinfo.client_data = jpeg;
	jpeg->errors.error_exit = error_exit;
	jpeg->errors.emit_message = emit_message;
	return jpeg;
}

/* Reads the header and settles everything that follows from it. The error, also in the result. */
static int jpeg_prepare(struct jpeg *jpeg, struct source *source)
{
	int header = jpeg_guarded(jpeg, step_read_header, source);
	/* First the limits: whatever else is wrong with a picture that is too large, this is what
	 * to say of it. A header that was cut was filled up, though, and its numbers mean nothing.
	 */
	int limits = jpeg->input.ended ? 0
				       : plan_check_limits(jpeg->job, jpeg->cinfo.image_width,
						 jpeg->cinfo.image_height, jpeg->result);
	if (limits < 0)
		return limits;
	if (header < 0)
		return header;
	unsigned orientation = jpeg->orientation ? jpeg->orientation : 1;
	plan_make(jpeg->job, jpeg->cinfo.image_width, jpeg->cinfo.image_height, orientation,
		&jpeg->plan, jpeg->result);
	int r = jpeg_guarded(jpeg, step_configure, NULL);
	if (r < 0)
		return r;
	name_needs(jpeg, jpeg->result);
	return 0;
}

static bool jpeg_recognise(const uint8_t *bytes, size_t size)
{
	static const uint8_t start[] = {0xff, 0xd8, 0xff};
	return size >= 2 && memcmp(bytes, start, size < sizeof(start) ? size : sizeof(start)) == 0;
}

/* After the rows: what came is kept when a part is wanted, and enough of it is good. */
static int jpeg_settle(struct jpeg *jpeg, int failure)
{
	bool partial = (jpeg->job->flags & JOB_ALLOW_PARTIAL) && !jpeg->input.error;
	if (failure < 0 && !(partial && jpeg->sink.pushed > 0))
		return failure;
	if (failure == 0 && !jpeg->damaged)
		return 0;
	if (jpeg->good_rows == 0)
		return outcome_fail(jpeg->result, MURAL_REASON_TRUNCATED,
			"the JPEG ends before its first rows");
	row_sink_fill_missing(&jpeg->sink);
	outcome_make_partial(jpeg->result);
	return 0;
}

static int begin_rows(struct jpeg *jpeg, const struct picture_target *target)
{
	if (row_sink_init(&jpeg->sink, &jpeg->shape, target) < 0)
		return outcome_fail(jpeg->result, MURAL_REASON_MEMORY, "no memory for rows");
	return 0;
}

struct jpeg *jpeg_open(struct source *source, const struct job *job,
	const struct picture_target *target, struct job_result *result)
{
	CLEANUP(jpeg_close_p) struct jpeg *jpeg = jpeg_new(job, result);
	if (!jpeg || jpeg_prepare(jpeg, source) < 0 || plan_check_target(job, target, result) < 0 ||
		begin_rows(jpeg, target) < 0)
		return NULL;
	return take_ptr(&jpeg);
}

static int decode_in_one(struct jpeg *jpeg, const struct picture_target *target)
{
	struct pages pages = {0};
	if (!row_sink_make_pages(&jpeg->sink))
		pages_begin(&pages, target);
	int r = jpeg_settle(jpeg, jpeg_guarded(jpeg, step_decode, NULL));
	pages_end(&pages);
	return r < 0 ? r : row_sink_end(&jpeg->sink, jpeg->result);
}

typedef int (*decode_together)(
	struct jpeg *jpeg, int source_fd, const struct picture_target *target);

/* How several threads share the picture; NULL: they do not. */
static decode_together way_of(const struct jpeg *jpeg, const struct picture_target *target)
{
	if (team_free(target->team) == 0)
		return NULL;
	if (jpeg_slices_possible(jpeg))
		return jpeg_decode_slices;
	if (jpeg_scans_possible(jpeg))
		return jpeg_decode_scans;
	return jpeg_halves_possible(jpeg) ? jpeg_decode_halves : NULL;
}

/* From the beginning, by this thread. */
static int decode_again(struct source *source, const struct job *job,
	const struct picture_target *target, struct job_result *result)
{
	source->position = 0;
	CLEANUP(jpeg_close_p) struct jpeg *jpeg = jpeg_open(source, job, target, result);
	return jpeg ? decode_in_one(jpeg, target) : result->error;
}

static int jpeg_run(struct source *source, const struct job *job, const struct codec_place *place,
	struct job_result *result)
{
	const struct job_result before = *result;
	struct picture_target target;
	CLEANUP(jpeg_close_p) struct jpeg *jpeg = jpeg_new(job, result);
	int r = jpeg ? jpeg_prepare(jpeg, source) : result->error;
	if (r == 0)
		r = plan_target(job, place, &target, result);
	if (r <= 0)
		return r;
	r = begin_rows(jpeg, &target);
	if (r < 0)
		return r;
	decode_together decode = way_of(jpeg, &target);
	if (!decode) {
		r = decode_in_one(jpeg, &target);
	} else if (decode(jpeg, source->fd, &target) != 0) {
		jpeg_close(take_ptr(&jpeg));
		*result = before;
		r = decode_again(source, job, &target, result);
	}
	return r < 0 ? r : 1;
}

const struct codec codec_jpeg = {
	.name = "JPEG",
	.source_kind = JOB_SOURCE_JPEG,
	.recognise = jpeg_recognise,
	.run = jpeg_run,
	.preview = jpeg_preview,
};
