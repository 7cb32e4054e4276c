/* One picture by two threads.
 *
 * A JPEG's entropy-coded data can only be read from the beginning, but passing over a row costs a
 * third of decoding it: no transform, no colours, no pages. So one thread decodes from the top,
 * while the other passes over rows until it is half way between the first one's place and the end,
 * and decodes from there. When it gets there depends on the picture, on the scale and on who else
 * uses the cores, so that the place is found while both run.
 *
 * The second sees every bit of the file's data, and how it ends. Whatever either of them complains
 * about is left to one thread alone to find again, so that outcomes do not depend on threads. */
#include "jpeg_decoder.h"
#include "outcome.h"
#include "pages.h"

#include "common/util.h"

#include <stdatomic.h>

/* The second looks up this often on its way. */
#define STEPS 64u

enum {
	CUT_OPEN = 0,
	CUT_CLOSED = UINT32_MAX, /* the first has done it all */
};

struct halves {
	const struct picture_target *target;
	const struct job *job;
	int source_fd;
	/* Rows after scaling: where the second begins. Set once, by whoever comes first. */
	_Atomic uint32_t cut;
	_Atomic uint32_t pushed;  /* the picture's rows that the first has done; a hint */
	struct job_result result; /* of the second */
	int error;                /* of the second */
	bool damaged;
};

bool jpeg_halves_possible(const struct jpeg *jpeg)
{
	/* At 1/4 and 1/8 four fifths and more are entropy decoding, which both would do. */
	return jpeg_is_sequential(jpeg) && jpeg->cinfo.min_DCT_scaled_size >= DCTSIZE / 2;
}

/* ---- the first: from the top ---- */

static void step_first(struct jpeg *jpeg, void *context)
{
	struct halves *halves = context;
	uint32_t open = CUT_OPEN;
	jpeg_start(jpeg);
	row_sink_make_pages(&jpeg->sink);
	while (jpeg->cinfo.output_scanline < jpeg->cinfo.output_height) {
		uint32_t cut = atomic_load_explicit(&halves->cut, memory_order_relaxed);
		if (cut != CUT_OPEN && row_sink_done(&jpeg->sink) >= cut)
			break;
		if (!jpeg_next_row(jpeg))
			return;
		atomic_store_explicit(&halves->pushed, jpeg->sink.pushed, memory_order_relaxed);
	}
	/* The second may have come in at the very last moment: then it sees to the end. */
	if (atomic_compare_exchange_strong(&halves->cut, &open, CUT_CLOSED))
		jpeg_finish(jpeg);
	jpeg_end_rows(jpeg);
}

/* ---- the second: from the cut ---- */

/* The least part at or behind row @row of the picture. */
static uint32_t part_behind(const struct jpeg *jpeg, uint32_t row)
{
	const struct row_shape *shape = &jpeg->shape;
	uint64_t fitted =
		((uint64_t)row * shape->fitted_height + shape->height - 1) / shape->height;
	return (uint32_t)((fitted + ROW_SINK_PART - 1) / ROW_SINK_PART * ROW_SINK_PART);
}

/* Passes over rows until as many are left behind this place as the first has in front of it. The
 * part where to begin; CUT_CLOSED: the first is nearly done. */
static uint32_t find_cut(struct jpeg *jpeg, const struct halves *halves)
{
	struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
	const uint32_t height = cinfo->output_height, unit = jpeg_unit_rows(cinfo);
	const uint32_t step = (height / STEPS / unit + 1) * unit;
	for (;;) {
		uint32_t here = cinfo->output_scanline;
		uint32_t first = atomic_load_explicit(&halves->pushed, memory_order_relaxed);
		uint32_t part = part_behind(jpeg, here + step);
		if (part >= jpeg->shape.fitted_height ||
			atomic_load_explicit(&halves->cut, memory_order_relaxed) != CUT_OPEN)
			return CUT_CLOSED;
		if (here - (first < here ? first : here) >= height - here)
			return part;
		jpeg_pass_over_to(jpeg, here + step);
	}
}

static void step_second(struct jpeg *jpeg, void *context)
{
	struct halves *halves = context;
	uint32_t open = CUT_OPEN;
	jpeg_start(jpeg);
	uint32_t cut = find_cut(jpeg, halves);
	if (cut == CUT_CLOSED || !atomic_compare_exchange_strong(&halves->cut, &open, cut))
		return;
	jpeg_pass_over_to(jpeg, row_sink_begin_at(&jpeg->sink, cut));
	row_sink_make_pages(&jpeg->sink);
	while (jpeg->cinfo.output_scanline < jpeg->cinfo.output_height)
		if (!jpeg_next_row(jpeg))
			return;
	jpeg_finish(jpeg);
	jpeg_end_rows(jpeg);
}

static void run_second(void *context)
{
	struct halves *halves = context;
	struct source source = {.fd = halves->source_fd};
	struct jpeg *jpeg = jpeg_open(&source, halves->job, halves->target, &halves->result);
	halves->error = jpeg ? jpeg_guarded(jpeg, step_second, halves) : halves->result.error;
	halves->damaged = jpeg && jpeg->damaged;
	jpeg_close(jpeg);
}

int jpeg_decode_halves(struct jpeg *jpeg, int source_fd, const struct picture_target *target)
{
	struct halves halves = {.target = target, .job = jpeg->job, .source_fd = source_fd};
	struct team_task second = {.run = run_second, .context = &halves};
	if (!team_start(target->team, &second))
		return -EAGAIN;
	int r = jpeg_guarded(jpeg, step_first, &halves);
	if (r < 0) /* the second shall not go on for nothing */
		atomic_store(&halves.cut, CUT_CLOSED);
	team_wait(&second);
	if (r < 0)
		return r;
	if (jpeg->damaged || halves.damaged)
		return -EBADMSG;
	/* When the first has done it all, the second's troubles do not matter. */
	return atomic_load(&halves.cut) == CUT_CLOSED ? 0 : halves.error;
}
