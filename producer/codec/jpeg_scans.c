/* A progressive JPEG by several threads.
 *
 * Its data are about ten scans, each over the whole picture: some bring coefficients, others more
 * bits of them. Each thread has a decompressor of its own and takes one scan after the other of
 * those that nobody has taken, and all write into the same coefficients: libjpeg's memory manager
 * is asked for a row of MCUs of them at a time, by a method that can be replaced. What a scan needs
 * of others is only that they are ahead of it, so it may follow them row by row. Scans that many
 * bytes hang on are taken first. When all are done, each thread makes a part of the rows.
 *
 * A scan is preceded by the Huffman tables that are before it in the file, whatever its thread has
 * read before. Threads wait for scans that were taken earlier, so that one always goes on.
 *
 * Only files that are in order are read like this (jpeg_index.h). Whatever a thread complains about
 * is left to one alone to find again, so that outcomes do not depend on threads. */
#include "jpeg_decoder.h"
#include "jpeg_index.h"

#include "common/util.h"

#include <jerror.h>
#include <pthread.h>
#include <stdlib.h>

#define DONE UINT32_MAX
/* Whoever has caught up with what it needs lets it get so many rows of MCUs ahead. */
#define ROWS_AHEAD 8u

/* The coefficients of one component. */
struct coefficients {
	JBLOCK *blocks;                 /* owned */
	JBLOCKARRAY rows;               /* owned */
	JDIMENSION across, down, group; /* blocks, and rows of them in a row of MCUs */
};

struct scans {
	const struct picture_target *target;
	const struct job *job;
	int source_fd;
	struct jpeg_index index;
	struct coefficients coefficients[MAX_COMPS_IN_SCAN];
	JQUANT_TBL *quantities[MAX_COMPS_IN_SCAN]; /* of the first's decompressor */
	pthread_mutex_t lock;                      /* of what follows */
	pthread_cond_t moved;
	uint64_t taken;                         /* a bit for each scan */
	uint32_t rows[JPEG_INDEX_SCANS_MAX];    /* of MCUs, that are done of each */
	uint32_t awaited[JPEG_INDEX_SCANS_MAX]; /* how many somebody waits for */
	unsigned reader_count;                  /* that have taken a scan */
	bool failed;
};

/* One thread, with its decompressor. */
struct jpeg_reader {
	struct scans *scans;
	struct jpeg *jpeg;
	struct source source;
	unsigned number;                      /* among readers */
	unsigned order[JPEG_INDEX_SCANS_MAX]; /* the scans that it has taken, */
	unsigned count;                       /* so many */
	unsigned begun;                       /* how many of them its decompressor is in or past */
	unsigned tables;                      /* of the last, that have been read */
	bool ending;                          /* nothing is left to take */
	unsigned requested;                   /* arrays of coefficients */
	struct job_result result;
	struct team_task task;
	int error;
};

bool jpeg_scans_possible(const struct jpeg *jpeg)
{
	const struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
	return cinfo->progressive_mode && !cinfo->arith_code && jpeg_is_large(jpeg);
}

/* ---- taking scans ---- */

/* Under the lock: the scan that most hangs on, of those whose needs are being seen to; -1. */
static int choose(const struct scans *scans)
{
	const struct jpeg_index *index = &scans->index;
	int chosen = -1;
	for (unsigned i = 0; i < index->scan_count; i++) {
		bool may = !(scans->taken >> i & 1) && !(index->scans[i].needs & ~scans->taken);
		if (may && (chosen < 0 || index->scans[i].rest > index->scans[chosen].rest))
			chosen = (int)i;
	}
	return chosen;
}

static bool take(struct jpeg_reader *reader)
{
	struct scans *scans = reader->scans;
	pthread_mutex_lock(&scans->lock);
	int chosen = scans->failed ? -1 : choose(scans);
	if (chosen >= 0) {
		scans->taken |= UINT64_C(1) << chosen;
		if (reader->count == 0)
			reader->number = scans->reader_count++;
		reader->order[reader->count++] = (unsigned)chosen;
		reader->tables = 0;
	}
	pthread_mutex_unlock(&scans->lock);
	return chosen >= 0;
}

/* libjpeg keeps tables until others come. */
static void forget_tables(struct jpeg_decompress_struct *cinfo)
{
	for (int i = 0; i < NUM_HUFF_TBLS; i++)
		cinfo->dc_huff_tbl_ptrs[i] = cinfo->ac_huff_tbl_ptrs[i] = NULL;
}

static const struct jpeg_scan *last_taken(const struct jpeg_reader *reader)
{
	return &reader->scans->index.scans[reader->order[reader->count - 1]];
}

/* First the tables of the scan that is taken, then the scan; then the next. */
static const struct jpeg_piece *choose_piece(struct jpeg_reader *reader)
{
	const struct jpeg_index *index = &reader->scans->index;
	if (reader->ending)
		return &index->end;
	if (reader->tables > last_taken(reader)->tables && !take(reader)) { /* it is read, too */
		/* Once more a segment first: in front of one libjpeg complains of what its last
		 * scan has left over, in front of the end it does not. */
		reader->ending = true;
		return &index->tables[0];
	}
	if (reader->tables == 0 && reader->count > 1)
		forget_tables(&reader->jpeg->cinfo);
	const struct jpeg_scan *scan = last_taken(reader);
	unsigned table = reader->tables++;
	return table < scan->tables ? &index->tables[table] : &scan->piece;
}

static void read_piece(struct source *source, const struct jpeg_piece *piece)
{
	source->position = piece->begin;
	source->end = piece->end;
}

/* The decompressor has read what there was of the last piece, and so has made use of what stands in
 * front of its scan's data. */
static void next_piece(struct source *source)
{
	read_piece(source, choose_piece(CONTAINER_OF(source, struct jpeg_reader, source)));
}

/* ---- the coefficients ---- */

static void make_coefficients(j_common_ptr cinfo, struct coefficients *made, JDIMENSION across,
	JDIMENSION down, JDIMENSION group)
{
	made->across = across;
	made->down = down;
	made->group = group;
	made->blocks = calloc((size_t)across * down, sizeof(*made->blocks));
	made->rows = calloc(down, sizeof(*made->rows));
	if (!made->blocks || !made->rows)
		ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
	for (JDIMENSION y = 0; y < down; y++)
		made->rows[y] = made->blocks + (size_t)y * across;
}

static struct jpeg_reader *reader_of(j_common_ptr cinfo)
{
	return ((struct jpeg *)cinfo->client_data)->reader;
}

/* Called once for each component, in their order. The first reader makes them, before there are
 * others. */
static jvirt_barray_ptr request(j_common_ptr cinfo, int pool, boolean pre_zero, JDIMENSION across,
	JDIMENSION down, JDIMENSION height)
{
	(void)pool;
	(void)pre_zero; /* always */
	(void)height;
	struct jpeg_reader *reader = reader_of(cinfo);
	unsigned component = reader->requested++;
	if (component >= MAX_COMPS_IN_SCAN)
		ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
	struct coefficients *made = &reader->scans->coefficients[component];
	const jpeg_component_info *info = ((j_decompress_ptr)cinfo)->comp_info + component;
	JDIMENSION group = (JDIMENSION)info->v_samp_factor;
	if (reader->number == 0)
		make_coefficients(cinfo, made, across, down, group);
	/* The file may be another by now. */
	if (made->across != across || made->down != down || made->group != group)
		ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
	return (jvirt_barray_ptr)made;
}

/* Under the lock. */
static bool is_ahead(struct scans *scans, uint64_t needs, uint32_t rows)
{
	bool ahead = true;
	for (unsigned i = 0; i < scans->index.scan_count; i++) {
		if (!(needs >> i & 1) || scans->rows[i] >= rows)
			continue;
		scans->awaited[i] = rows < scans->awaited[i] ? rows : scans->awaited[i];
		ahead = false;
	}
	return ahead;
}

/* Under the lock: of scan @scan so many rows are done. */
static void note_rows(struct scans *scans, unsigned scan, uint32_t rows)
{
	scans->rows[scan] = rows;
	if (rows < scans->awaited[scan])
		return;
	scans->awaited[scan] = DONE;
	pthread_cond_broadcast(&scans->moved);
}

/* Under the lock: all that the decompressor has begun before is done. */
static void note_begun(struct jpeg_reader *reader, unsigned begun)
{
	for (; reader->begun < begun; reader->begun++)
		if (reader->begun > 0)
			note_rows(reader->scans, reader->order[reader->begun - 1], DONE);
}

/* The decompressor is about to read row @row of MCUs of its scan. False: another has failed, or the
 * file has changed. */
static bool go_on(struct jpeg_reader *reader, uint32_t row)
{
	struct scans *scans = reader->scans;
	unsigned begun = (unsigned)reader->jpeg->cinfo.input_scan_number;
	if (begun == 0 || begun > reader->count)
		return false; /* a piece of the file has more scans in it than there were */
	unsigned scan = reader->order[begun - 1];
	uint64_t needs = scans->index.scans[scan].needs;
	pthread_mutex_lock(&scans->lock);
	note_begun(reader, begun);
	note_rows(scans, scan, row);
	bool waits = !is_ahead(scans, needs, row + 1);
	while (waits && !scans->failed) {
		pthread_cond_wait(&scans->moved, &scans->lock);
		waits = !is_ahead(scans, needs, row + ROWS_AHEAD);
	}
	bool failed = scans->failed;
	pthread_mutex_unlock(&scans->lock);
	return !failed;
}

static JBLOCKARRAY give_access(j_common_ptr cinfo, jvirt_barray_ptr array, JDIMENSION first,
	JDIMENSION count, boolean writable)
{
	const struct coefficients *made = (const struct coefficients *)array;
	if (first > made->down || count > made->down - first)
		ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
	if (writable && !go_on(reader_of(cinfo), first / made->group))
		ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
	return made->rows + first;
}

/* ---- a thread ---- */

/* The decompressor has its header, and is in front of its first scan. */
static void step_start(struct jpeg *jpeg, void *context)
{
	(void)context;
	j_decompress_ptr cinfo = &jpeg->cinfo;
	cinfo->mem->request_virt_barray = request;
	cinfo->mem->access_virt_barray = give_access;
	cinfo->buffered_image = TRUE;
	cinfo->do_block_smoothing = FALSE; /* it does nothing where all has come */
	jpeg_start_decompress(cinfo);
}

/* False: another has failed. */
static bool wait_for_all(struct jpeg_reader *reader)
{
	struct scans *scans = reader->scans;
	const uint64_t all = UINT64_MAX >> (JPEG_INDEX_SCANS_MAX - scans->index.scan_count);
	pthread_mutex_lock(&scans->lock);
	note_begun(reader, reader->count + 1);
	scans->failed |= scans->taken != all; /* nobody will */
	while (!scans->failed && !is_ahead(scans, all, DONE))
		pthread_cond_wait(&scans->moved, &scans->lock);
	bool failed = scans->failed;
	pthread_mutex_unlock(&scans->lock);
	return !failed;
}

static void step_read(struct jpeg *jpeg, void *context)
{
	struct jpeg_reader *reader = context;
	while (jpeg_consume_input(&jpeg->cinfo) != JPEG_REACHED_EOI)
		continue;
	if (jpeg->input.ended || !wait_for_all(reader))
		jpeg->damaged = true;
}

/* Where the part of reader @number begins, in rows of the bitmap before turning. */
static uint32_t part_begin(const struct jpeg_reader *reader, unsigned number)
{
	uint64_t height = reader->jpeg->shape.fitted_height;
	if (number == reader->scans->reader_count)
		return (uint32_t)height;
	uint64_t row = height * number / reader->scans->reader_count;
	return (uint32_t)(row - row % ROW_SINK_PART);
}

static void step_rows(struct jpeg *jpeg, void *context)
{
	const struct jpeg_reader *reader = context;
	j_decompress_ptr cinfo = &jpeg->cinfo;
	const uint32_t begin = part_begin(reader, reader->number);
	const uint32_t end = part_begin(reader, reader->number + 1);
	if (begin == end)
		return;
	for (int i = 0; i < cinfo->num_components; i++)
		cinfo->comp_info[i].quant_table = reader->scans->quantities[i];
	jpeg_start_output(cinfo, cinfo->input_scan_number);
	if (begin > 0)
		jpeg_pass_over_to(jpeg, row_sink_begin_at(&jpeg->sink, begin));
	row_sink_make_pages(&jpeg->sink);
	while (cinfo->output_scanline < cinfo->output_height) {
		if (end < jpeg->shape.fitted_height && row_sink_done(&jpeg->sink) >= end)
			break;
		if (!jpeg_next_row(jpeg))
			return;
	}
	jpeg_end_rows(jpeg);
}

static int read_and_make_rows(struct jpeg_reader *reader)
{
	struct jpeg *jpeg = reader->jpeg;
	int r = jpeg_guarded(jpeg, step_read, reader);
	if (r == 0 && !jpeg->damaged)
		r = jpeg_guarded(jpeg, step_rows, reader);
	return r == 0 && jpeg->damaged ? -EBADMSG : r;
}

/* So that nobody waits for this thread any more. */
static void fail(struct scans *scans)
{
	pthread_mutex_lock(&scans->lock);
	scans->failed = true;
	pthread_cond_broadcast(&scans->moved);
	pthread_mutex_unlock(&scans->lock);
}

static void run_reader(void *context)
{
	struct jpeg_reader *reader = context;
	struct scans *scans = reader->scans;
	if (!take(reader))
		return;
	reader->source = (struct source){.fd = scans->source_fd, .next = next_piece};
	read_piece(&reader->source, &scans->index.header);
	struct jpeg *jpeg = jpeg_open(&reader->source, scans->job, scans->target, &reader->result);
	reader->error = jpeg ? 0 : reader->result.error;
	if (jpeg) {
		reader->jpeg = jpeg;
		jpeg->reader = reader;
		reader->error = jpeg_guarded(jpeg, step_start, NULL);
	}
	if (reader->error == 0)
		reader->error = read_and_make_rows(reader);
	if (reader->error < 0)
		fail(scans);
	jpeg_close(jpeg);
}

/* ---- all of them ---- */

/* @jpeg has read the header and the head of the first scan, and that is what it goes on with.
 * False: there is something else in the file now. */
static bool take_first(struct jpeg_reader *reader, struct jpeg *jpeg)
{
	const struct jpeg_scan *scan = &reader->scans->index.scans[0];
	struct jpeg_source *input = &jpeg->input;
	uint64_t place = input->source->position - input->manager.bytes_in_buffer;
	if (place <= scan->piece.begin || place > scan->piece.end)
		return false;
	reader->jpeg = jpeg;
	jpeg->reader = reader;
	reader->scans->taken = 1;
	reader->scans->reader_count = 1;
	reader->count = 1;
	reader->tables = scan->tables + 1;
	reader->source = (struct source){
		.fd = input->source->fd,
		.position = input->source->position,
		.next = next_piece,
		.end = scan->piece.end,
	};
	input->source = &reader->source;
	if (reader->source.position > reader->source.end) {
		/* It has read on. */
		input->manager.bytes_in_buffer -= reader->source.position - reader->source.end;
		reader->source.position = reader->source.end;
	}
	return true;
}

static int begin_first(struct jpeg_reader *first, struct jpeg *jpeg)
{
	struct scans *scans = first->scans;
	if (!jpeg_index_read(&scans->index, &jpeg->cinfo, scans->source_fd) ||
		!take_first(first, jpeg))
		return -EAGAIN;
	int r = jpeg_guarded(jpeg, step_start, NULL);
	for (int i = 0; r == 0 && i < jpeg->cinfo.num_components; i++)
		scans->quantities[i] = jpeg->cinfo.comp_info[i].quant_table;
	return r;
}

static int read_together(struct scans *scans, struct jpeg *jpeg)
{
	struct jpeg_reader *readers = calloc(1 + JOB_THREADS_MAX, sizeof(*readers));
	if (!readers)
		return -ENOMEM;
	unsigned helpers = team_free(scans->target->team);
	for (unsigned i = 0; i <= helpers; i++)
		readers[i] = (struct jpeg_reader){
			.scans = scans, .task = {.run = run_reader, .context = &readers[i]}};
	int r = begin_first(&readers[0], jpeg);
	for (unsigned i = 1; r == 0 && i <= helpers; i++)
		team_start(scans->target->team, &readers[i].task);
	if (r == 0)
		r = read_and_make_rows(&readers[0]);
	if (r < 0)
		fail(scans);
	for (unsigned i = 1; i <= helpers; i++) {
		team_wait(&readers[i].task);
		if (r == 0)
			r = readers[i].error;
	}
	free(readers);
	return r;
}

int jpeg_decode_scans(struct jpeg *jpeg, int source_fd, const struct picture_target *target)
{
	CLEANUP(free_p) struct scans *scans = calloc(1, sizeof(*scans));
	if (!scans)
		return -ENOMEM;
	scans->target = target;
	scans->job = jpeg->job;
	scans->source_fd = source_fd;
	for (unsigned i = 0; i < JPEG_INDEX_SCANS_MAX; i++)
		scans->awaited[i] = DONE;
	pthread_mutex_init(&scans->lock, NULL);
	pthread_cond_init(&scans->moved, NULL);
	int r = read_together(scans, jpeg);
	pthread_cond_destroy(&scans->moved);
	pthread_mutex_destroy(&scans->lock);
	for (int i = 0; i < MAX_COMPS_IN_SCAN; i++) {
		free(scans->coefficients[i].rows);
		free(scans->coefficients[i].blocks);
	}
	return r;
}
