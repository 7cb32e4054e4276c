/* See hog.h. Touches page by page, as a program does that uses what it allocates; a populate would
 * meet the limit in the same way (SIGKILL), only faster. */
#include "hog.h"

#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define PAGE 4096u

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec until = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
		;
}

struct hog_trace *hog_trace_create(void)
{
	struct hog_trace *trace = mmap(
		NULL, sizeof(*trace), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (trace == MAP_FAILED)
		return NULL;
	memset(trace->ns, 0, sizeof(trace->ns));
	return trace;
}

void hog_trace_destroy(struct hog_trace *trace)
{
	if (trace)
		munmap(trace, sizeof(*trace));
}

static void *read_again_and_again(void *path)
{
	static char buffer[256 << 10];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		_exit(2);
	for (;;) {
		ssize_t got;
		for (off_t at = 0; (got = pread(fd, buffer, sizeof(buffer), at)) > 0; at += got)
			;
		if (got < 0)
			_exit(2);
	}
	return NULL;
}

_Noreturn void hog_run(const struct hog_options *options, struct hog_trace *trace)
{
	pthread_t reader;
	char *path = options->read_file ? strdup(options->read_file) : NULL;
	if (options->mib > HOG_STEPS_MAX ||
		(path && pthread_create(&reader, NULL, read_again_and_again, path) != 0))
		_exit(2);
	char *memory = mmap(NULL, options->mib * MIB, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		_exit(2);
	/* Huge pages would make the steps 2 MiB, on some machines and not on others. */
	madvise(memory, options->mib * MIB, MADV_NOHUGEPAGE);
	trace->start_ns = now_ns();
	for (uint32_t step = 0; step < options->mib; step++) {
		for (size_t at = 0; at < MIB; at += PAGE)
			memory[step * MIB + at] = 1;
		trace->ns[step] = now_ns();
		atomic_store(&trace->steps, step + 1);
		if (options->us_per_mib)
			sleep_until(trace->start_ns +
				    (step + 1) * (uint64_t)options->us_per_mib * 1000u);
	}
	atomic_store(&trace->done, 1);
	for (;;)
		pause();
}
