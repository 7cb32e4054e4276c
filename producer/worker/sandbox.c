/* The order in which a decoder shuts itself in, and its limits. */
#include "producer/sandbox.h"

#include "common/util.h"
#include "sandbox_parts.h"

#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

unsigned sandbox_features(void)
{
	return (filter_available() ? SANDBOX_SECCOMP : 0u) |
	       (landlock_version() > 0 ? SANDBOX_LANDLOCK : 0u);
}

#ifdef MURAL_NO_SANDBOX

int sandbox_set_up(const struct sandbox_descriptors *fds)
{
	(void)fds;
	return 0;
}

pid_t sandbox_fork(void)
{
	return fork();
}

int sandbox_begin(void)
{
	return 0;
}

int sandbox_prepare(const struct sandbox_limits *limits)
{
	(void)limits;
	return 0;
}

int sandbox_close(const struct sandbox_limits *limits)
{
	(void)limits;
	return 0;
}

#else

/* ---- what a child inherits ---- */

/* What sandbox_set_up has found and done. */
static struct {
	int score;     /* descriptor of our own oom_score_adj; -1: not to be had */
	char usual[8]; /* what stood there */
	bool volunteered, one_heap;
	uint64_t mapped_bytes; /* 0: not known yet */
} inherited = {.score = -1};

static const char volunteer[] = "1000";

static bool write_score(int fd, const char *score)
{
	return pwrite(fd, score, strlen(score), 0) > 0;
}

/* Bytes of address space in use. Without /proc: what a process with these libraries has at the very
 * most. */
static uint64_t mapped_bytes(void)
{
	char text[64] = "";
	CLEANUP(close_p) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return UINT64_C(256) << 20;
	return strtoull(text, NULL, 10) * (uint64_t)page_bytes();
}

static int limit(__rlimit_resource_t what, rlim_t soft, rlim_t hard)
{
	struct rlimit now;
	if (getrlimit(what, &now) < 0)
		return -errno;
	/* A hard limit can only be lowered. The soft one keeps its distance: its signal says more
	 * than the hard one's SIGKILL. */
	rlim_t distance = hard - soft;
	hard = min_u64(hard, now.rlim_max);
	soft = min_u64(soft, hard - min_u64(hard, distance));
	struct rlimit value = {.rlim_cur = soft, .rlim_max = hard};
	return setrlimit(what, &value) < 0 ? -errno : 0;
}

struct resource_limit {
	__rlimit_resource_t what;
	rlim_t soft, hard;
};

static int limit_all(const struct resource_limit *limits, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = limit(limits[i].what, limits[i].soft, limits[i].hard);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One heap that grows by brk and never shrinks. Blocks with a mapping of their own would be moved
 * by mremap when they grow, which is refused; a heap for each thread would reserve more address
 * space than a decoder is allowed; and before it shrinks one, glibc opens a file in /proc. */
static int keep_to_one_heap(void)
{
	if (inherited.one_heap)
		return 0;
#ifdef MURAL_SANITIZED
	return 0; /* their allocator knows none of this, and moves nothing */
#endif
	bool set = mallopt(M_MMAP_MAX, 0) == 1 && mallopt(M_ARENA_MAX, 1) == 1 &&
		   mallopt(M_TRIM_THRESHOLD, -1) == 1;
	return set ? 0 : -EINVAL;
}

static void open_score(void)
{
	CLEANUP(close_p) int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char score[sizeof(inherited.usual)] = "";
	if (fd < 0 || pread(fd, score, sizeof(score) - 1, 0) <= 0)
		return;
	memcpy(inherited.usual, score, sizeof(score));
	inherited.score = take_fd(&fd);
}

int sandbox_set_up(const struct sandbox_descriptors *fds)
{
	open_score();
	int r = filter_compile(fds, true);
	if (r == 0)
		r = keep_to_one_heap();
	if (r < 0)
		return r;
	inherited.one_heap = true;
	inherited.mapped_bytes = mapped_bytes();
	return 0;
}

/* A decoder that opened its own file in /proc would leave entries behind that take longer to clear
 * away than the file to write. Raising one's score is always allowed, and so is going back. */
pid_t sandbox_fork(void)
{
	bool raised = inherited.score >= 0 && write_score(inherited.score, volunteer);
	pid_t pid = fork();
	if (pid == 0)
		inherited.volunteered = raised;
	else if (raised)
		write_score(inherited.score, inherited.usual);
	return pid;
}

/* ---- the three steps ---- */

/* When memory runs out a decoder goes first: its request can be made again. Raising one's own score
 * is always allowed; a /proc that is not mounted is no reason to refuse pictures. */
static void volunteer_for_oom(void)
{
	if (inherited.volunteered)
		return;
	CLEANUP(close_p) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		write_score(fd, volunteer);
}

int sandbox_begin(void)
{
	static const struct resource_limit limits[] = {
		{RLIMIT_CORE, 0, 0},
		{RLIMIT_MEMLOCK, 0, 0},
	};
	/* These two need a path, and the first a dumpable process. */
	volunteer_for_oom();
	if (inherited.mapped_bytes == 0)
		inherited.mapped_bytes = mapped_bytes();
	int r = keep_to_one_heap();
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	r = landlock_restrict();
	if (r < 0)
		return r;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return limit_all(limits, ARRAY_SIZE(limits));
}

int sandbox_prepare(const struct sandbox_limits *limits)
{
	uint64_t space = inherited.mapped_bytes + SANDBOX_MEMORY_SLACK;
	if (__builtin_add_overflow(space, limits->window_bytes, &space) ||
		__builtin_add_overflow(space, limits->memory_bytes, &space))
		return -EINVAL;
	int r = filter_compile(&limits->fds, false);
	if (r < 0)
		return r;
	/* The signal tells too much time from the OOM killer's SIGKILL. */
	rlim_t seconds = limits->cpu_seconds > 0 ? limits->cpu_seconds : 1;
	const struct resource_limit resources[] = {
		{RLIMIT_AS, space, space}, {RLIMIT_CPU, seconds, seconds + 1},
		{RLIMIT_FSIZE, limits->written_to, limits->written_to},
		{RLIMIT_NOFILE, 0, 0}, /* what is open stays usable */
	};
	return limit_all(resources, ARRAY_SIZE(resources));
}

int sandbox_close(const struct sandbox_limits *limits)
{
	/* Not earlier: threads count as processes. */
	int r = limit(RLIMIT_NPROC, 0, 0);
	if (r < 0)
		return r;
	return filter_load(&limits->fds);
}

#endif
