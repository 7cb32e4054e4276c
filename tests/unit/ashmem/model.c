/* The algebra of pin, unpin, status and purge against a plain array of pages: random scripts, the
 * same answers.
 *
 *   ashmem_model [STEPS [SEED [PROCESSES]]]
 *
 * A plain program, since the same one runs on the kernel's own driver. With several processes each
 * step is done by one of them, which holds the descriptors since before the first step. On a memfd
 * the calls through handles, ashmem_shrink and ashmem_handle_purge take part. */
#include "conform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REGIONS 3
#define PAGES 48
#define MAX_PROCESSES 4

/* --- The model --- */

struct model_range {
	bool purged;
	uint64_t stamp;
};

static struct model_range ranges[REGIONS * PAGES * 2 + 1]; /* by id; 0 is pinned */
static int range_of[REGIONS][PAGES];
static unsigned char value_of[REGIONS][PAGES];
static bool resident[REGIONS][PAGES];
static uint64_t last_stamp;

static int new_range(bool purged)
{
	bool used[sizeof(ranges) / sizeof(ranges[0])] = {true};
	for (int i = 0; i < REGIONS * PAGES; i++)
		used[range_of[i / PAGES][i % PAGES]] = true;
	int id = 1;
	while (used[id])
		id++;
	ranges[id] = (struct model_range){purged, ++last_stamp};
	return id;
}

static int model_pin(int region, int start, int end)
{
	int *ids = range_of[region], purged = 0;
	/* Of a range cut in two the upper part is young. */
	if (start > 0 && end < PAGES && ids[start - 1] && ids[start - 1] == ids[end]) {
		int cut = ids[end], upper = new_range(ranges[cut].purged);
		for (int page = end; page < PAGES && ids[page] == cut; page++)
			ids[page] = upper;
	}
	for (int page = start; page < end; page++) {
		purged |= ids[page] && ranges[ids[page]].purged;
		ids[page] = 0;
	}
	return purged;
}

static int model_unpin(int region, int start, int end)
{
	int *ids = range_of[region];
	bool inside = ids[start] != 0, purged = false;
	for (int page = start; page < end; page++) {
		inside &= ids[page] == ids[start];
		purged |= ids[page] && ranges[ids[page]].purged;
	}
	if (inside)
		return 0;
	while (start > 0 && ids[start] && ids[start - 1] == ids[start])
		start--;
	while (end < PAGES && ids[end - 1] && ids[end] == ids[end - 1])
		end++;
	int id = new_range(purged);
	for (int page = start; page < end; page++)
		ids[page] = id;
	return 0;
}

static int model_status(int region, int start, int end)
{
	for (int page = start; page < end; page++)
		if (range_of[region][page])
			return ASHMEM_IS_UNPINNED;
	return ASHMEM_IS_PINNED;
}

struct loss {
	long pages, resident;
};

static struct loss model_purge_range(int id)
{
	struct loss loss = {0};
	ranges[id].purged = true;
	for (int region = 0; region < REGIONS; region++)
		for (int page = 0; page < PAGES; page++)
			if (range_of[region][page] == id) {
				loss.pages++;
				loss.resident += resident[region][page];
				resident[region][page] = false;
				value_of[region][page] = 0;
			}
	return loss;
}

static int model_oldest(void)
{
	int oldest = 0;
	for (int i = 0; i < REGIONS * PAGES; i++) {
		int id = range_of[i / PAGES][i % PAGES];
		if (id && !ranges[id].purged &&
			(!oldest || ranges[id].stamp < ranges[oldest].stamp))
			oldest = id;
	}
	return oldest;
}

static long model_purge_all(void)
{
	long pages = 0;
	for (int id; (id = model_oldest());)
		pages += model_purge_range(id).pages;
	return pages;
}

/* Whole ranges, oldest first, until enough is free. */
static long model_shrink(long pages)
{
	long freed = 0;
	for (int id; freed < pages && (id = model_oldest());)
		freed += model_purge_range(id).resident;
	return freed;
}

static long model_purge_inside(int region, int start, int end)
{
	const int *ids = range_of[region];
	long freed = 0;
	for (int page = start; page < end; page++) {
		int id = ids[page];
		if (!id || ranges[id].purged || (page > 0 && ids[page - 1] == id))
			continue;
		int last = page;
		while (last < PAGES && ids[last] == id)
			last++;
		if (last <= end)
			freed += model_purge_range(id).resident;
	}
	return freed;
}

/* --- The real thing --- */

enum op { PIN, UNPIN, STATUS, WRITE, READ, PURGE_ALL, SHRINK, PURGE_INSIDE, DONE };

struct step {
	enum op op;
	int region, start, end; /* pages */
	int value;
	bool by_handle;
};

static struct space spaces[REGIONS];
static struct ashmem_handle *handles[REGIONS];

static long pins(const struct step *step)
{
	size_t offset = (size_t)step->start * PAGE,
	       len = step->end == PAGES ? 0 : (size_t)(step->end - step->start) * PAGE;
	struct ashmem_handle *handle = handles[step->region];
	int fd = spaces[step->region].fd;
	switch (step->op) {
	case PIN:
		return step->by_handle ? ashmem_handle_pin(handle, offset, len)
				       : ashmem_pin_region(fd, offset, len);
	case UNPIN:
		return step->by_handle ? ashmem_handle_unpin(handle, offset, len)
				       : ashmem_unpin_region(fd, offset, len);
	default:
		return step->by_handle ? ashmem_handle_status(handle, offset, len)
				       : ashmem_get_pin_status_region(fd, offset, len);
	}
}

static long real_step(const struct step *step)
{
	const struct space *space = &spaces[step->region];
	unsigned char byte = 0;
	size_t freed = 0;
	switch (step->op) {
	case WRITE:
		space->at[(size_t)step->start * PAGE + PAGE - 1] = (unsigned char)step->value;
		return 0;
	case READ:
		return ashmem_pread(space->fd, &byte, 1,
			       (int64_t)((size_t)step->start * PAGE + PAGE - 1)) == 1
			       ? byte
			       : -1;
	case PURGE_ALL:
		return ashmem_purge_all_caches(space->fd);
	case SHRINK:
		return (long)(ashmem_shrink((size_t)step->value * PAGE) / PAGE);
	case PURGE_INSIDE:
		if (ashmem_handle_purge(handles[step->region], (size_t)step->start * PAGE,
			    (size_t)(step->end - step->start) * PAGE, &freed) < 0)
			return -1;
		return (long)(freed / PAGE);
	default:
		return pins(step);
	}
}

static long model_step(const struct step *step)
{
	switch (step->op) {
	case PIN:
		return model_pin(step->region, step->start, step->end);
	case UNPIN:
		return model_unpin(step->region, step->start, step->end);
	case STATUS:
		return model_status(step->region, step->start, step->end);
	case WRITE:
		value_of[step->region][step->start] = (unsigned char)step->value;
		resident[step->region][step->start] = true;
		return 0;
	case READ:
		return value_of[step->region][step->start];
	case PURGE_ALL:
		return model_purge_all();
	case SHRINK:
		return model_shrink(step->value);
	case PURGE_INSIDE:
		return model_purge_inside(step->region, step->start, step->end);
	case DONE:
		break;
	}
	return 0;
}

/* --- Scripts --- */

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 11) % limit);
}

static enum op random_op(void)
{
	uint32_t dice = random_below(1000);
	if (dice < 260)
		return PIN;
	if (dice < 560)
		return UNPIN;
	if (dice < 700)
		return STATUS;
	if (dice < 830)
		return WRITE;
	if (dice < 980 || (!on_memfd() && dice < 995))
		return READ;
	return !on_memfd() || dice < 983 ? PURGE_ALL : dice < 992 ? SHRINK : PURGE_INSIDE;
}

static struct step random_step(void)
{
	struct step step = {.op = random_op(),
		.region = (int)random_below(REGIONS),
		.by_handle = random_below(2)};
	/* Short ranges mostly, and now and then the whole. */
	uint32_t longest = random_below(8) ? 6 : PAGES;
	step.start = (int)random_below(PAGES);
	step.end = step.start + 1 + (int)random_below(longest);
	if (step.end > PAGES)
		step.end = PAGES;
	if (random_below(40) == 0) {
		step.start = 0;
		step.end = PAGES;
	}
	step.value = 1 + (int)random_below(step.op == SHRINK ? 4 : 255);
	return step;
}

/* --- Several processes --- */

struct worker {
	int to, from;
	pid_t pid;
};

static struct worker workers[MAX_PROCESSES];

static _Noreturn void work(int from, int to)
{
	struct step step;
	while (read(from, &step, sizeof(step)) == (ssize_t)sizeof(step) && step.op != DONE) {
		long answer = real_step(&step);
		if (write(to, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
			break;
	}
	_exit(0);
}

static void start_worker(struct worker *worker)
{
	int down[2], up[2];
	if (pipe(down) < 0 || pipe(up) < 0 || (worker->pid = fork()) < 0)
		exit(2);
	if (worker->pid == 0)
		work(down[0], up[1]);
	worker->to = down[1];
	worker->from = up[0];
}

static long do_step(const struct step *step, int processes)
{
	long answer = -1;
	if (processes < 2)
		return real_step(step);
	const struct worker *worker = &workers[random_below((uint32_t)processes)];
	if (write(worker->to, step, sizeof(*step)) != (ssize_t)sizeof(*step) ||
		read(worker->from, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
		exit(2);
	return answer;
}

static void open_all(int processes)
{
	for (int i = 0; i < REGIONS; i++) {
		spaces[i] = (struct space){
			.fd = ashmem_create_region("model", PAGES * PAGE), .pages = PAGES};
		spaces[i].at = ashmem_mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, spaces[i].fd, 0);
		if (spaces[i].at == MAP_FAILED || ashmem_attach(spaces[i].fd, &handles[i]) < 0) {
			perror("region");
			exit(2);
		}
	}
	for (int i = 0; i < processes && processes > 1; i++)
		start_worker(&workers[i]);
}

static void close_all_workers(int processes)
{
	const struct step done = {.op = DONE};
	for (int i = 0; i < processes && processes > 1; i++) {
		if (write(workers[i].to, &done, sizeof(done)) != (ssize_t)sizeof(done))
			exit(2);
		waitpid(workers[i].pid, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static const char *const names[] = {
		"pin", "unpin", "status", "write", "read", "purge all", "shrink", "purge inside"};
	long steps = argc > 1 ? atol(argv[1]) : 1000000;
	uint64_t seed = argc > 2 ? (uint64_t)atol(argv[2]) : 1;
	int processes = argc > 3 ? atoi(argv[3]) : 1;
	if (processes > MAX_PROCESSES)
		processes = MAX_PROCESSES;
	random_state = seed * 0x9e3779b97f4a7c15u + 1;
	open_all(processes);
	for (long i = 0; i < steps; i++) {
		struct step step = random_step();
		long real = do_step(&step, processes), expected = model_step(&step);
		if (real == expected)
			continue;
		printf("seed %lu step %ld: %s region %d pages [%d, %d) value %d: %ld, the model "
		       "says %ld\n",
			(unsigned long)seed, i, names[step.op], step.region, step.start, step.end,
			step.value, real, expected);
		return 1;
	}
	close_all_workers(processes);
	printf("%s, seed %lu, %d process%s: %ld steps, 0 mismatches\n",
		on_memfd() ? "memfd" : "device", (unsigned long)seed, processes,
		processes == 1 ? "" : "es", steps);
	return 0;
}
