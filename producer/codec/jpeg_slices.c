/* A JPEG with restart markers by several threads.
 *
 * Behind a restart marker nothing depends on what was before it, so each thread can begin at one:
 * as if the picture's first rows were not there. Three things make the pixels those of one thread.
 * Markers are numbered modulo 8 and a decompressor expects number 0 first, so a slice begins behind
 * a marker whose place is a multiple of eight. Upsampling looks at the neighbouring rows, so a
 * slice begins at least one row of MCUs early, and reads on past its end. And the last row of the
 * picture has no neighbour, so a slice's decompressor is told how many rows are left.
 *
 * Rows are not alike (below the sky there is a town), nor are cores: whoever is done takes half of
 * what the slowest has still to do. The slowest may notice late, and then some rows are written
 * twice, the same both times. Markers are looked for once, by each helper up to its first slice and
 * by the last one to the end: slices that are taken begin where a marker has been found already.
 *
 * Every bit is decoded by somebody. Whatever one of them complains about, or may not have
 * complained about yet, is left to one thread alone to find again, so that outcomes do not depend
 * on threads. */
#include "jpeg_decoder.h"
#include "jpeg_scanner.h"

#include "common/util.h"

#include <pthread.h>
#include <stdatomic.h>

/* Rows of the bitmap that a slice has to save: a header is read for it. */
#define SLICE_ROWS_SAVED (2 * ROW_SINK_PART)

/* One thread's slice: rows of the bitmap before turning. */
struct slice {
	struct slices *all;
	struct team_task task;
	uint32_t begin;
	_Atomic uint32_t end;     /* others make it less */
	_Atomic uint32_t done;    /* rows before this one are in the bitmap; a hint */
	struct job_result result; /* of its own decompressors */
	int error;
	bool damaged;
};

struct slices {
	const struct picture_target *target;
	const struct job *job;
	int source_fd;
	struct row_shape shape;
	uint32_t unit, between; /* rows of the picture: of MCUs, and from where a slice can begin to
				   where the next one can */
	uint32_t place_count;
	_Atomic uint64_t *place; /* of the n'th such beginning in the file; 0: not found */
	pthread_mutex_t lock;    /* while one takes of another */
	unsigned count;
	struct slice slice[JOB_THREADS_MAX + 1]; /* the first is the caller's own */
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
	return jpeg_is_sequential(jpeg) && plain && jpeg_leftovers_are_known() &&
	       cinfo->restart_interval > 0 && rows_between(cinfo) > 0;
}

/* ---- a slice ---- */

/* Notes where in the file slices can begin, up to number @last; the scan's data begin at @scan.
 * Ends where not all markers are there, in their order. */
static void find_places(struct slices *all, const struct jpeg *jpeg, uint64_t scan, uint32_t last)
{
	const struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
	const uint64_t rows = all->between / all->unit;
	const uint64_t markers = rows * mcus_per_row(cinfo) / cinfo->restart_interval;
	CLEANUP(free_p) struct jpeg_scanner *scanner = malloc(sizeof(*scanner));
	if (!scanner)
		return;
	jpeg_scanner_init(scanner, all->source_fd, scan);
	for (uint32_t number = 1; number <= last; number++) {
		for (uint64_t seen = 0; seen < markers; seen++)
			if (jpeg_scanner_marker(scanner) != JPEG_RST0 + (int)(seen % 8))
				return;
		atomic_store(&all->place[number], jpeg_scanner_position(scanner));
	}
}

/* Lets a decompressor that has read the header begin at place number @number. */
static int jump(struct jpeg *jpeg, const struct slices *all, uint32_t number)
{
	struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
	struct jpeg_source *input = &jpeg->input;
	const uint64_t place = atomic_load(&all->place[number]);
	const uint32_t row = number * (all->between / all->unit);
	if (place == 0)
		return -EBADMSG;
	input->source->position = place;
	input->manager.bytes_in_buffer = 0;

	/* What libjpeg worked out from the header for the rows above. */
	cinfo->image_height -= row * (uint32_t)cinfo->max_v_samp_factor * DCTSIZE;
	cinfo->total_iMCU_rows -= row;
	for (int i = 0; i < cinfo->num_components; i++) {
		jpeg_component_info *component = &cinfo->comp_info[i];
		component->height_in_blocks -= row * (uint32_t)component->v_samp_factor;
	}
	jpeg_calc_output_dimensions(cinfo);
	jpeg->good_rows = cinfo->output_height;
	return 0;
}

/* From the place where the decompressor stands. */
static void decode_rows(struct jpeg *jpeg, struct slice *slice)
{
	const struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
	const uint32_t height = slice->all->shape.fitted_height;
	row_sink_make_pages(&jpeg->sink);
	while (cinfo->output_scanline < cinfo->output_height) {
		uint32_t end = atomic_load_explicit(&slice->end, memory_order_relaxed);
		uint32_t done = row_sink_done(&jpeg->sink);
		if (end < height && done >= end)
			break;
		atomic_store_explicit(&slice->done, done, memory_order_relaxed);
		if (!jpeg_next_row(jpeg))
			return;
	}
	/* Of what is left over one thread would hear below, or never: that hangs on where its
	 * buffer ended. */
	jpeg->damaged |= jpeg_has_leftovers(cinfo);
	/* Who took the end of it looks how the file ends. */
	if (atomic_load(&slice->end) == height)
		jpeg_finish(jpeg);
	jpeg_end_rows(jpeg);
}

static void step_top(struct jpeg *jpeg, void *context)
{
	jpeg_start(jpeg);
	decode_rows(jpeg, context);
}

/* The place where a slice that begins at row @first of the picture has to begin decoding: its
 * first row's neighbour is above. */
static uint32_t place_before(const struct slices *all, uint32_t first)
{
	return (first - all->unit) / all->between;
}

static void step_middle(struct jpeg *jpeg, void *context)
{
	struct slice *slice = context;
	const struct slices *all = slice->all;
	const uint64_t scan = jpeg->input.source->position - jpeg->input.manager.bytes_in_buffer;
	uint32_t first = row_sink_begin_at(&jpeg->sink, slice->begin);
	uint32_t number = place_before(all, first);
	if (atomic_load(&all->place[number]) == 0) /* a helper's first slice */
		find_places(slice->all, jpeg, scan,
			slice == &all->slice[all->count - 1] ? all->place_count - 1 : number);
	if (jump(jpeg, all, number) < 0) {
		jpeg->damaged = true;
		return;
	}
	jpeg_start(jpeg);
	jpeg_pass_over_to(jpeg, first - number * all->between);
	decode_rows(jpeg, slice);
}

/* However it ended, there is nothing to be taken of it. */
static void end_slice(struct slice *slice, int error, bool damaged)
{
	slice->error = error;
	slice->damaged = damaged;
	atomic_store(&slice->done, slice->all->shape.fitted_height);
}

static void run_middle(struct slice *slice)
{
	const struct slices *all = slice->all;
	struct source source = {.fd = all->source_fd};
	struct jpeg *jpeg = jpeg_open(&source, all->job, all->target, &slice->result);
	int error = jpeg ? jpeg_guarded(jpeg, step_middle, slice) : slice->result.error;
	end_slice(slice, error, jpeg && jpeg->damaged);
	jpeg_close(jpeg);
}

/* ---- who takes what ---- */

static uint32_t rows_left(const struct slice *slice)
{
	uint32_t end = atomic_load(&slice->end), done = atomic_load(&slice->done);
	return done < end ? end - done : 0;
}

static struct slice *find_slowest(struct slices *all)
{
	struct slice *slowest = &all->slice[0];
	for (unsigned i = 1; i < all->count; i++)
		if (rows_left(&all->slice[i]) > rows_left(slowest))
			slowest = &all->slice[i];
	return slowest;
}

/* Where a slice that is to begin at row @row of the bitmap costs least: one row of MCUs behind a
 * place where decompressors can begin, which is for the neighbours. */
static uint32_t place_near(const struct slices *all, uint32_t row)
{
	const struct row_shape *shape = &all->shape;
	uint64_t there = (uint64_t)row * shape->height / shape->fitted_height;
	uint64_t number = max_u64((there + all->between / 2) / all->between, 1);
	uint64_t first = number * all->between + all->unit;
	uint64_t fitted = (first * shape->fitted_height + shape->height - 1) / shape->height;
	fitted = (fitted + ROW_SINK_PART - 1) / ROW_SINK_PART * ROW_SINK_PART;
	return (uint32_t)min_u64(fitted, shape->fitted_height);
}

/* Rows of the bitmap that such a beginning decodes for nothing. */
static uint32_t early_rows(const struct slices *all)
{
	uint64_t rows = (uint64_t)all->unit * all->shape.fitted_height / all->shape.height;
	return (uint32_t)rows + ROW_SINK_PART;
}

static bool place_is_known(const struct slices *all, uint32_t row)
{
	uint64_t first = (uint64_t)row * all->shape.height / all->shape.fitted_height;
	return row < all->shape.fitted_height &&
	       atomic_load(&all->place[place_before(all, (uint32_t)first)]) != 0;
}

/* Of the slowest's rows the last ones become @slice's, so many that both end at about the same
 * time. False: it would not save enough. */
static bool take_of_slowest(struct slices *all, struct slice *slice)
{
	const uint32_t early = early_rows(all);
	pthread_mutex_lock(&all->lock);
	struct slice *from = find_slowest(all);
	const uint32_t left = rows_left(from), end = atomic_load(&from->end);
	const uint32_t begin = place_near(all, end - (left > early ? (left - early) / 2 : 0));
	bool worth_it = begin + SLICE_ROWS_SAVED <= end &&
			begin >= end - left + early + SLICE_ROWS_SAVED &&
			place_is_known(all, begin);
	if (worth_it) {
		slice->begin = begin;
		atomic_store(&slice->done, begin);
		atomic_store(&slice->end, end);
		atomic_store(&from->end, begin);
	}
	pthread_mutex_unlock(&all->lock);
	return worth_it;
}

static int outcome_of(const struct slice *slice)
{
	if (slice->error < 0)
		return slice->error;
	return slice->damaged ? -EBADMSG : 0;
}

static void help(struct slice *slice)
{
	while (outcome_of(slice) == 0 && take_of_slowest(slice->all, slice))
		run_middle(slice);
}

static void run_helper(void *context)
{
	struct slice *slice = context;
	run_middle(slice);
	help(slice);
}

/* ---- all of them ---- */

static void add_slice(struct slices *all, uint32_t begin)
{
	struct slice *slice = &all->slice[all->count];
	if (all->count > 0)
		atomic_store(&slice[-1].end, begin);
	*slice = (struct slice){
		.all = all, .begin = begin, .end = all->shape.fitted_height, .done = begin};
	slice->task = (struct team_task){.run = run_helper, .context = slice};
	all->count++;
}

/* Into at most @count slices of the same size. */
static void cut(struct slices *all, unsigned count)
{
	const uint32_t height = all->shape.fitted_height;
	add_slice(all, 0);
	for (unsigned i = 1; i < count; i++) {
		uint32_t row = place_near(all, (uint32_t)((uint64_t)height * i / count));
		if (row > all->slice[all->count - 1].begin && row < height)
			add_slice(all, row);
	}
}

/* The caller's own, from the top; what @jpeg needed for that is given back before more is taken. */
static void run_top(struct slices *all, struct jpeg *jpeg)
{
	struct slice *top = &all->slice[0];
	int error = jpeg_guarded(jpeg, step_top, top);
	end_slice(top, error, jpeg->damaged);
	jpeg_abort_decompress(&jpeg->cinfo);
	row_sink_fini(&jpeg->sink);
	help(top);
}

int jpeg_decode_slices(struct jpeg *jpeg, int source_fd, const struct picture_target *target)
{
	struct slices all = {.target = target,
		.job = jpeg->job,
		.source_fd = source_fd,
		.shape = jpeg->shape,
		.unit = jpeg_unit_rows(&jpeg->cinfo),
		.between = rows_between(&jpeg->cinfo) * jpeg_unit_rows(&jpeg->cinfo),
		.lock = PTHREAD_MUTEX_INITIALIZER};
	cut(&all, team_free(target->team) + 1);
	all.place_count = (jpeg->cinfo.total_iMCU_rows - 1) / rows_between(&jpeg->cinfo) + 1;
	CLEANUP(free_p) void *place = calloc(all.place_count, sizeof(*all.place));
	all.place = place;
	bool all_run = place != NULL;
	for (unsigned i = 1; i < all.count; i++)
		all_run &= team_start(target->team, &all.slice[i].task);
	if (all_run)
		run_top(&all, jpeg);
	int r = all_run ? 0 : -EAGAIN;
	for (unsigned i = 0; i < all.count; i++) {
		team_wait(&all.slice[i].task);
		if (r == 0)
			r = outcome_of(&all.slice[i]);
	}
	return r;
}
