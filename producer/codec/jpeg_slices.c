/* A JPEG with restart markers by several threads.
 *
 * Behind a restart marker nothing depends on what was before it, so each thread can begin at one:
 * as if the picture's first rows were not there. Three things make the pixels those of one thread.
 * Markers are numbered modulo 8 and a decompressor expects number 0 first, so a slice begins behind
 * a marker whose place is a multiple of eight. Upsampling looks at the neighbouring rows, so a
 * slice begins at least one row of MCUs early, and reads on past its end. And the last row of the
 * picture has no neighbour, so a slice's decompressor is told how many rows are left.
 *
 * Every bit is decoded by somebody. Whatever one of them complains about is left to one thread
 * alone to find again, so that outcomes do not depend on threads. */
#include "jpeg_decoder.h"
#include "jpeg_scanner.h"

#include "common/util.h"

struct slices {
	const struct picture_target *target;
	const struct job *job;
	int source_fd;
};

struct slice {
	const struct slices *all;
	struct team_task task;
	uint32_t begin, end;      /* rows of the bitmap before turning */
	struct job_result result; /* of its own decompressor */
	int error;
	bool damaged;
};

/* ---- where slices can begin ---- */

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
	while (b > 0) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static uint32_t mcus_per_row(const struct jpeg_decompress_struct *cinfo)
{
	/* A scan of one component has MCUs of one block. */
	uint32_t width =
		cinfo->num_components == 1 ? DCTSIZE : (uint32_t)cinfo->max_h_samp_factor * DCTSIZE;
	return (cinfo->image_width + width - 1) / width;
}

/* A slice can begin at the beginning of a row of MCUs that follows a marker with the number 7:
 * every so many rows. 0: nowhere. */
static uint32_t rows_between(const struct jpeg_decompress_struct *cinfo)
{
	uint64_t across = mcus_per_row(cinfo), interval = cinfo->restart_interval;
	uint64_t aligned = across / greatest_common_divisor(interval, across);
	uint64_t markers = aligned * 8 / greatest_common_divisor(aligned, 8);
	uint64_t rows = markers * interval / across;
	return rows < cinfo->total_iMCU_rows ? (uint32_t)rows : 0;
}

bool jpeg_slices_possible(const struct jpeg *jpeg)
{
	const struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
	/* One component whose sampling is not 1x1 counts its blocks in another way. */
	bool plain = cinfo->num_components > 1 || (cinfo->comp_info[0].h_samp_factor == 1 &&
							  cinfo->comp_info[0].v_samp_factor == 1);
	return jpeg_is_sequential(jpeg) && plain && cinfo->restart_interval > 0 &&
	       rows_between(cinfo) > 0;
}

/* ---- a slice ---- */

/* Where the data behind restart marker number @count (from 1) of the scan begin that starts at
 * @position. False: not all those markers are there, in their order. */
static bool find_marker(
	struct jpeg_scanner *scanner, int fd, uint64_t position, uint64_t count, uint64_t *ret)
{
	jpeg_scanner_init(scanner, fd, position);
	for (uint64_t seen = 0; seen < count; seen++)
		if (jpeg_scanner_marker(scanner) != JPEG_RST0 + (int)(seen % 8))
			return false;
	*ret = jpeg_scanner_position(scanner);
	return true;
}

/* Lets a decompressor that has read the header begin at row @row of MCUs. */
static int jump(struct jpeg *jpeg, uint32_t row)
{
	struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
	struct jpeg_source *input = &jpeg->input;
	CLEANUP(free_p) struct jpeg_scanner *scanner = malloc(sizeof(*scanner));
	uint64_t scan = input->source->position - input->manager.bytes_in_buffer, place;
	uint64_t markers = (uint64_t)row * mcus_per_row(cinfo) / cinfo->restart_interval;
	if (!scanner || !find_marker(scanner, input->source->fd, scan, markers, &place))
		return -EBADMSG;
	input->source->position = place;
	input->manager.bytes_in_buffer = 0;

	/* What libjpeg worked out from the header for the rows above. */
	uint32_t unit = (uint32_t)cinfo->max_v_samp_factor * DCTSIZE;
	cinfo->image_height -= row * unit;
	cinfo->total_iMCU_rows -= row;
	for (int i = 0; i < cinfo->num_components; i++) {
		jpeg_component_info *component = &cinfo->comp_info[i];
		component->height_in_blocks -= row * (uint32_t)component->v_samp_factor;
	}
	jpeg_calc_output_dimensions(cinfo);
	jpeg->good_rows = cinfo->output_height;
	return 0;
}

static void step_slice(struct jpeg *jpeg, void *context)
{
	const struct slice *slice = context;
	struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
	const uint32_t between = rows_between(cinfo), height = jpeg->shape.fitted_height;
	uint32_t first = row_sink_begin_at(&jpeg->sink, slice->begin);
	uint32_t row = (first / jpeg_unit_rows(cinfo) - 1) / between * between;
	if (jump(jpeg, row) < 0) {
		jpeg->damaged = true;
		return;
	}
	jpeg_start(jpeg);
	for (uint32_t early = first - row * jpeg_unit_rows(cinfo); early > 0; early--) {
		/* Where the first that counts will overwrite it. */
		JSAMPROW place = row_sink_place(&jpeg->sink);
		jpeg_read_scanlines(cinfo, &place, 1);
	}
	row_sink_make_pages(&jpeg->sink);
	while (cinfo->output_scanline < cinfo->output_height) {
		if (slice->end < height && row_sink_reached(&jpeg->sink, slice->end))
			break;
		if (!jpeg_next_row(jpeg))
			return;
	}
	if (slice->end == height)
		jpeg_finish(jpeg);
	jpeg_end_rows(jpeg);
}

static void run_slice(void *context)
{
	struct slice *slice = context;
	const struct slices *all = slice->all;
	struct source source = {.fd = all->source_fd};
	struct jpeg *jpeg = jpeg_open(&source, all->job, all->target, &slice->result);
	slice->error = jpeg ? jpeg_guarded(jpeg, step_slice, slice) : slice->result.error;
	slice->damaged = jpeg && jpeg->damaged;
	jpeg_close(jpeg);
}

/* ---- all of them ---- */

static void step_top(struct jpeg *jpeg, void *context)
{
	const uint32_t *end = context;
	jpeg_start(jpeg);
	row_sink_make_pages(&jpeg->sink);
	while (!row_sink_reached(&jpeg->sink, *end))
		if (!jpeg_next_row(jpeg))
			return;
	jpeg_end_rows(jpeg);
}

/* Cuts the rows into at most @count parts of the same size; how many there are. */
static unsigned cut(const struct jpeg *jpeg, unsigned count, struct slice *slices)
{
	const struct row_shape *shape = &jpeg->shape;
	/* Rows of the bitmap that a slice's beginning needs above it. */
	uint64_t least = (uint64_t)(rows_between(&jpeg->cinfo) + 1) * jpeg_unit_rows(&jpeg->cinfo) *
				 shape->fitted_height / shape->height +
			 ROW_SINK_PART;
	unsigned used = 0;
	for (unsigned i = 1; i <= count; i++) {
		uint64_t row = (uint64_t)shape->fitted_height * i / (count + 1);
		row -= row % ROW_SINK_PART;
		if (row < least || (used > 0 && row <= slices[used - 1].begin))
			continue;
		if (used > 0)
			slices[used - 1].end = (uint32_t)row;
		slices[used++] =
			(struct slice){.begin = (uint32_t)row, .end = shape->fitted_height};
	}
	return used;
}

static int outcome_of(const struct slice *slice)
{
	if (slice->error < 0)
		return slice->error;
	return slice->damaged ? -EBADMSG : 0;
}

int jpeg_decode_slices(struct jpeg *jpeg, int source_fd, const struct picture_target *target)
{
	const struct slices all = {.target = target, .job = jpeg->job, .source_fd = source_fd};
	struct slice slices[TEAM_HELPERS_MAX];
	unsigned count = cut(jpeg, jpeg_helpers(target), slices);
	bool all_run = count > 0;
	for (unsigned i = 0; i < count; i++) {
		slices[i].all = &all;
		slices[i].task = (struct team_task){.run = run_slice, .context = &slices[i]};
		all_run &= team_start(target->team, &slices[i].task);
	}
	int r = all_run ? jpeg_guarded(jpeg, step_top, &slices[0].begin) : -EAGAIN;
	for (unsigned i = 0; i < count; i++) {
		team_wait(&slices[i].task);
		if (r == 0)
			r = outcome_of(&slices[i]);
	}
	return r == 0 && jpeg->damaged ? -EBADMSG : r;
}
