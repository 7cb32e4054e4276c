/* Previews of JPEGs. Three ways, the quickest that there is:
 *
 *     THUMBNAIL  the camera's own, from the EXIF block: some KiB are read
 *     SCANS      of a progressive JPEG the first scans, until every component has its mean values
 *     EIGHTH     of a large baseline JPEG all data, but an eighth of the pixels across
 *
 * SCANS and EIGHTH give the picture at 1/8: more is not in the first scans. Anything that is wrong
 * is a refusal, because the request for the picture itself, which goes beside this one, will say
 * what it is. */
#include "jpeg_preview.h"

#include "exif_orientation.h"
#include "exif_thumbnail.h"
#include "jpeg_means.h"
#include "jpeg_source.h"
#include "outcome.h"
#include "plan.h"
#include "row_sink.h"

#include "common/util.h"

#include <jerror.h>
#include <mural/pixel.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define MARKER_BYTES_MAX 65533u
#define FIXED_BYTES ((uint64_t)1 << 20) /* libjpeg's state and tables, twice; measured 500 KiB */
/* From here on decoding an eighth of the pixels saves what a person can see. */
#define EIGHTH_PIXELS_MIN 4000000u
/* Encoders bring the means in one scan, or in one for each component. */
#define SCANS_MAX 4
#define THUMBNAIL_SIDE_MIN 64u
#define THUMBNAIL_SIDE_MAX 1024u

enum kind { THUMBNAIL, SCANS, EIGHTH };

struct preview {
	struct jpeg_decompress_struct cinfo;
	struct jpeg_decompress_struct inner; /* of the thumbnail */
	bool has_inner;
	struct jpeg_error_mgr errors;
	struct jpeg_source input;
	jmp_buf escape;
	const struct job *job;
	struct job_result *result;
	enum kind kind;
	struct plan plan;
	struct row_shape shape;
	struct row_sink sink;
	size_t marker_size;
	uint8_t marker[MARKER_BYTES_MAX];
};

static struct preview *preview_of(j_common_ptr cinfo)
{
	return cinfo->client_data;
}

_Noreturn static void refuse(struct preview *preview, const char *why)
{
	if (preview->input.error)
		outcome_fail_source(preview->result, preview->input.error);
	else
		outcome_fail(preview->result, MURAL_REASON_NO_PREVIEW, "no preview: %s", why);
	longjmp(preview->escape, 1);
}

_Noreturn static void error_exit(j_common_ptr cinfo)
{
	refuse(preview_of(cinfo), "the JPEG is damaged");
}

static void emit_message(j_common_ptr cinfo, int level)
{
	int code = cinfo->err->msg_code;
	bool harmless = code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR ||
			code == JWRN_NOT_SEQUENTIAL || code == JWRN_EXTRANEOUS_DATA;
	if (level < 0 && !harmless)
		refuse(preview_of(cinfo), "the JPEG is damaged");
}

/* ---- the header ---- */

/* Keeps the first EXIF block. */
static boolean read_app1(j_decompress_ptr cinfo)
{
	struct preview *preview = preview_of((j_common_ptr)cinfo);
	unsigned length = (unsigned)jpeg_source_byte(cinfo) << 8;
	length |= jpeg_source_byte(cinfo);
	if (length < 2)
		ERREXIT(cinfo, JERR_BAD_LENGTH);
	length -= 2;
	bool kept = preview->marker_size > 0;
	for (unsigned i = 0; i < length; i++) {
		uint8_t byte = jpeg_source_byte(cinfo);
		if (!kept)
			preview->marker[i] = byte;
	}
	if (!kept && length > 6 && memcmp(preview->marker, "Exif\0", 6) == 0)
		preview->marker_size = length;
	return TRUE;
}

static bool colours_are_known(const struct jpeg_decompress_struct *cinfo)
{
	return cinfo->jpeg_color_space == JCS_GRAYSCALE || cinfo->jpeg_color_space == JCS_YCbCr ||
	       cinfo->jpeg_color_space == JCS_RGB;
}

static void create(struct preview *preview, j_decompress_ptr cinfo)
{
	cinfo->err = &preview->errors;
	cinfo->client_data = preview;
	jpeg_create_decompress(cinfo);
}

static void step_read_header(struct preview *preview, struct source *source)
{
	j_decompress_ptr cinfo = &preview->cinfo;
	create(preview, cinfo);
	jpeg_source_init(&preview->input, source, cinfo);
	jpeg_set_marker_processor(cinfo, JPEG_APP0 + 1, read_app1);
	jpeg_read_header(cinfo, TRUE);
	if (preview->input.ended)
		refuse(preview, "the JPEG ends early");
}

/* ---- which way ---- */

/* The same picture in small has the same sides but for a pixel of rounding. (Many cameras put a
 * picture of 3:2 into a thumbnail of 4:3, with black bars: that one would be seen to jump.) */
static bool has_same_shape(
	const struct jpeg_decompress_struct *small, const struct jpeg_decompress_struct *large)
{
	int64_t across = (int64_t)small->image_width * large->image_height;
	int64_t down = (int64_t)small->image_height * large->image_width;
	int64_t rounding =
		large->image_width > large->image_height ? large->image_width : large->image_height;
	return llabs(across - down) <= rounding;
}

static bool thumbnail_is_good(const struct preview *preview)
{
	const struct jpeg_decompress_struct *small = &preview->inner, *large = &preview->cinfo;
	uint32_t longest =
		small->image_width > small->image_height ? small->image_width : small->image_height;
	return longest >= THUMBNAIL_SIDE_MIN && longest <= THUMBNAIL_SIDE_MAX &&
	       small->image_width < large->image_width &&
	       small->image_height < large->image_height && !small->progressive_mode &&
	       !small->arith_code && colours_are_known(small) && has_same_shape(small, large);
}

static void step_open_thumbnail(struct preview *preview, struct source *source)
{
	(void)source;
	const uint8_t *bytes;
	size_t size;
	if (!exif_thumbnail(preview->marker, preview->marker_size, &bytes, &size))
		refuse(preview, "it has no thumbnail");
	preview->has_inner = true;
	create(preview, &preview->inner);
	jpeg_mem_src(&preview->inner, bytes, size);
	jpeg_read_header(&preview->inner, TRUE);
	if (jpeg_has_multiple_scans(&preview->inner) || !thumbnail_is_good(preview))
		refuse(preview, "its thumbnail is of no use");
}

static void step_choose(struct preview *preview, struct source *source)
{
	(void)source;
	j_decompress_ptr cinfo = &preview->cinfo;
	uint64_t pixels = (uint64_t)cinfo->image_width * cinfo->image_height;
	if (!colours_are_known(cinfo) || cinfo->arith_code)
		refuse(preview, "a JPEG of this kind has none");
	if (pixels < EIGHTH_PIXELS_MIN)
		refuse(preview, "the picture is small");
	if (cinfo->progressive_mode)
		preview->kind = SCANS;
	else if (!jpeg_has_multiple_scans(cinfo))
		preview->kind = EIGHTH;
	else
		refuse(preview, "a JPEG of this kind has none");
}

static j_decompress_ptr decoder_of(struct preview *preview)
{
	return preview->kind == THUMBNAIL ? &preview->inner : &preview->cinfo;
}

static void step_configure(struct preview *preview, struct source *source)
{
	(void)source;
	j_decompress_ptr cinfo = decoder_of(preview);
	cinfo->out_color_space = JCS_EXT_BGRA;
	cinfo->dct_method = JDCT_ISLOW;
	cinfo->buffered_image = preview->kind == SCANS;
	/* It makes up what the first scans lack, of which an eighth shows nothing, and takes longer
	 * than reading them: 24 megapixels 80 ms with it, 52 without. */
	cinfo->do_block_smoothing = FALSE;
	cinfo->scale_num = 1;
	cinfo->scale_denom = preview->kind == THUMBNAIL ? 1 : 8;
	jpeg_calc_output_dimensions(cinfo);
}

/* EIGHTH reads all data, as the picture does: 57 ms beside 95 for 24 megapixels fitted into 1920 x
 * 1080, and both at once take longer than one after the other would. Only beside a decode of more
 * than half the size it comes early enough. The others read a part, and are quicker at any size. */
static bool saves_nothing(const struct preview *preview)
{
	uint32_t width, height;
	mural_fit(preview->result->source_width, preview->result->source_height,
		preview->job->box_width, preview->job->box_height, &width, &height);
	return preview->kind == EIGHTH && width <= preview->result->source_width / 2;
}

/* The bitmap's size follows from the small picture, what it is a picture of from the large one. */
static void plan_preview(struct preview *preview)
{
	struct plan whole;
	struct job_result *result = preview->result;
	const struct job *job = preview->job;
	j_decompress_ptr cinfo = decoder_of(preview);
	unsigned orientation =
		preview->marker_size ? exif_orientation(preview->marker, preview->marker_size) : 1;
	plan_make(job, cinfo->output_width, cinfo->output_height, orientation, &preview->plan,
		result);
	uint32_t width = result->width, height = result->height;
	plan_make(job, preview->cinfo.image_width, preview->cinfo.image_height, orientation, &whole,
		result);
	result->width = width;
	result->height = height;
	result->flags |= MURAL_BITMAP_SCALED | MURAL_BITMAP_PREVIEW;
	preview->shape = (struct row_shape){
		.width = cinfo->output_width,
		.height = cinfo->output_height,
		.fitted_width = preview->plan.fitted_width,
		.fitted_height = preview->plan.fitted_height,
		.orientation = preview->plan.orientation,
		.format = job->format,
	};
}

/* ---- memory ---- */

static uint64_t preview_memory(struct preview *preview)
{
	j_decompress_ptr cinfo = decoder_of(preview);
	uint64_t bytes = FIXED_BYTES + sizeof(*preview) + row_sink_memory(&preview->shape);
	for (int i = 0; i < cinfo->num_components; i++) {
		const jpeg_component_info *component = &cinfo->comp_info[i];
		/* In whole MCUs. Rows on their way: ten groups of at most four are more than
		 * libjpeg ever holds. */
		uint64_t across = component->width_in_blocks + (uint64_t)component->h_samp_factor;
		bytes += (across * DCTSIZE + 64) * 4 * 10;
	}
	if (preview->kind == SCANS)
		bytes += jpeg_means_memory(cinfo);
	return max_u64(bytes, EXIF_MEMORY_BYTES);
}

/* ---- rows ---- */

static bool means_are_there(const struct jpeg_decompress_struct *cinfo)
{
	for (int i = 0; i < cinfo->num_components; i++)
		if (!cinfo->coef_bits || cinfo->coef_bits[i][0] < 0)
			return false;
	return true;
}

static void read_first_scans(struct preview *preview)
{
	j_decompress_ptr cinfo = &preview->cinfo;
	for (;;) {
		/* What it adds to is not kept: see jpeg_means_only. */
		bool refines = cinfo->Ss > 0 && cinfo->Ah > 0;
		if (refines || cinfo->input_scan_number > SCANS_MAX)
			refuse(preview, "its first scans are not coarse ones");
		int r = jpeg_consume_input(cinfo);
		if (r == JPEG_REACHED_EOI)
			refuse(preview, "its scans bring no means");
		if (r == JPEG_SCAN_COMPLETED && means_are_there(cinfo))
			return;
	}
}

static void step_decode(struct preview *preview, struct source *source)
{
	(void)source;
	j_decompress_ptr cinfo = decoder_of(preview);
	if (preview->kind == SCANS)
		jpeg_means_only(cinfo);
	jpeg_start_decompress(cinfo);
	if (preview->kind == SCANS) {
		read_first_scans(preview);
		jpeg_start_output(cinfo, cinfo->input_scan_number);
	}
	while (cinfo->output_scanline < cinfo->output_height) {
		JSAMPROW row = row_sink_place(&preview->sink);
		jpeg_read_scanlines(cinfo, &row, 1);
		row_sink_push(&preview->sink);
	}
	if (preview->kind != THUMBNAIL && preview->input.ended)
		refuse(preview, "the JPEG ends early");
}

/* ---- the codec ---- */

/* Runs a step of libjpeg calls. The failure that is in the result when one of them jumped out, 0
 * when it came to its end. */
static int guarded(struct preview *preview,
	void (*step)(struct preview *preview, struct source *source), struct source *source)
{
	if (setjmp(preview->escape))
		return preview->result->error;
	step(preview, source);
	return 0;
}

static void preview_close_p(struct preview **preview_pointer)
{
	struct preview *preview = *preview_pointer;
	if (!preview)
		return;
	row_sink_fini(&preview->sink);
	if (preview->has_inner)
		jpeg_destroy_decompress(&preview->inner);
	jpeg_destroy_decompress(&preview->cinfo);
	free(preview);
}

static struct preview *preview_new(const struct job *job, struct job_result *result)
{
	struct preview *preview = calloc(1, sizeof(*preview));
	if (!preview) {
		outcome_fail(result, MURAL_REASON_MEMORY, "no memory for the decoder");
		return NULL;
	}
	preview->job = job;
	preview->result = result;
	jpeg_std_error(&preview->errors);
	preview->errors.error_exit = error_exit;
	preview->errors.emit_message = emit_message;
	return preview;
}

/* A thumbnail that is of no use is no failure: there are other ways. */
static int choose(struct preview *preview, struct source *source)
{
	if (guarded(preview, step_open_thumbnail, source) == 0) {
		preview->kind = THUMBNAIL;
		return 0;
	}
	memset(preview->result->text, 0, sizeof(preview->result->text));
	preview->result->error = 0;
	preview->result->reason = MURAL_REASON_NONE;
	return guarded(preview, step_choose, source);
}

static int prepare(struct preview *preview, struct source *source)
{
	int r = guarded(preview, step_read_header, source);
	if (r < 0)
		return r;
	r = plan_check_limits(preview->job, preview->cinfo.image_width, preview->cinfo.image_height,
		preview->result);
	if (r < 0)
		return r;
	r = choose(preview, source);
	if (r == 0)
		r = guarded(preview, step_configure, source);
	if (r < 0)
		return r;
	plan_preview(preview);
	if (saves_nothing(preview))
		return outcome_fail(preview->result, MURAL_REASON_NO_PREVIEW,
			"no preview: the picture is as quick at this size");
	preview->result->memory_bytes = preview_memory(preview);
	preview->result->reads_all = preview->kind == EIGHTH;
	return 0;
}

int jpeg_preview(struct source *source, const struct job *job, const struct codec_place *place,
	struct job_result *result)
{
	struct picture_target target;
	CLEANUP(preview_close_p) struct preview *preview = preview_new(job, result);
	int r = preview ? prepare(preview, source) : result->error;
	if (r == 0)
		r = plan_target(job, place, &target, result);
	if (r <= 0)
		return r;
	if (row_sink_init(&preview->sink, &preview->shape, &target) < 0)
		return outcome_fail(result, MURAL_REASON_MEMORY, "no memory for rows");
	r = guarded(preview, step_decode, source);
	return r < 0 ? r : 1;
}
