/* The list of system calls that a decoder may make. Everything else kills the process. */
#include "sandbox_parts.h"

#include "common/populate.h"
#include "common/util.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Calls whose arguments can do no harm to anybody else. */
static const int allowed_always[] = {
	SCMP_SYS(munmap),
	SCMP_SYS(brk),
	SCMP_SYS(futex),
	SCMP_SYS(futex_time64), /* the same with 64-bit times, where longs have 32 */
	SCMP_SYS(sched_yield),
	SCMP_SYS(clock_gettime), /* usually the vDSO; a call where the clock source does not allow
				    it */
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(restart_syscall), /* a futex wait that was stopped and continued */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
#ifdef MURAL_SANITIZED
	/* What the sanitizers' run time calls: threads of its own, and its report before it aborts.
	 */
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(tgkill),
#endif
#ifdef __SANITIZE_THREAD__
	/* Its thread, started at each fork, may run its first instruction only now, and sleeps
	 * between its rounds. */
	SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(nanosleep),
#endif
};

#ifdef MURAL_SANITIZED
/* A report looks for these and goes on without them. */
static const int refused_quietly[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(stat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(access),
	SCMP_SYS(prctl),
	SCMP_SYS(ioctl),
	SCMP_SYS(prlimit64),
	SCMP_SYS(getrlimit),
	SCMP_SYS(sysinfo),
};
#endif

/* REMOVE, DONTFORK, HWPOISON and whatever comes later are not among them. */
static const int allowed_advice[] = {
	MADV_DONTNEED,
	MADV_FREE,
	MADV_HUGEPAGE,
	MADV_NOHUGEPAGE,
	MADV_POPULATE_READ,
	MADV_POPULATE_WRITE,
#ifdef MURAL_SANITIZED
	MADV_DONTDUMP,
#endif
};

static int allow_always(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed_always); i++) {
		int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_always[i], 0);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(allowed_advice); i++) {
		int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(madvise), 1,
			SCMP_A2_32(SCMP_CMP_EQ, (uint32_t)allowed_advice[i]));
		if (r < 0)
			return r;
	}
	return 0;
}

static int allow_memory(scmp_filter_ctx filter)
{
	/* Private and anonymous: no descriptor's pages, no hugetlbfs, nothing that somebody else
	 * could map. */
	const uint32_t kind = MAP_ANONYMOUS | MAP_TYPE | MAP_HUGETLB;
#if SIZE_MAX > UINT32_MAX
	const int mapping = SCMP_SYS(mmap);
#else
	const int mapping = SCMP_SYS(mmap2); /* x86's mmap takes a pointer to its arguments */
#endif
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, mapping, 2,
		SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
		SCMP_A3_32(SCMP_CMP_MASKED_EQ, kind, MAP_ANONYMOUS | MAP_PRIVATE));
	if (r < 0)
		return r;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* The kernel takes the low 32 bits of a descriptor argument, so those are what is compared. */
static int allow_descriptors(scmp_filter_ctx filter, const struct sandbox_descriptors *fds)
{
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(pread64), 1,
		SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)fds->source));
	/* How far it may write is RLIMIT_FSIZE's business. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(pwrite64), 1,
			SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)fds->memory));
	if (r < 0)
		return r;
	/* sendto and not sendmsg: it can carry no descriptor. And to nobody but the peer. */
	r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 2,
		SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)fds->answer), SCMP_A4_64(SCMP_CMP_EQ, 0));
#ifdef MURAL_SANITIZED
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
			SCMP_A0_32(SCMP_CMP_EQ, STDERR_FILENO));
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(refused_quietly); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused_quietly[i], 0);
#endif
	return r;
}

static int allow(scmp_filter_ctx filter, const struct sandbox_descriptors *fds)
{
	/* Calls of another architecture (int 0x80, x32) would otherwise only end their thread. */
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = allow_always(filter);
	if (r == 0)
		r = allow_memory(filter);
	if (r == 0)
		r = allow_descriptors(filter, fds);
	return r;
}

static void release_p(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

/* libseccomp takes longer to build the list than the kernel to load it, so what it builds is kept.
 */
static struct {
	struct sock_filter code[256];
	struct sock_fprog program;
	struct sandbox_descriptors fds;
} compiled;

static int build(const struct sandbox_descriptors *fds, int ret_file)
{
	CLEANUP(release_p) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -ENOMEM;
	int r = allow(filter, fds);
	/* The only way out of libseccomp 2.5 is through a descriptor. */
	return r < 0 ? r : seccomp_export_bpf(filter, ret_file);
}

/* What it has allocated would stay in this process's heap in pieces, and each child copy the pages
 * of those that it comes to use. */
static int build_elsewhere(const struct sandbox_descriptors *fds, int ret_file)
{
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(build(fds, ret_file) < 0 ? 1 : 0);
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status == 0 ? 0 : -EIO;
}

static int take(int file)
{
	ssize_t size = pread(file, compiled.code, sizeof(compiled.code), 0);
	if (size <= 0 ||
		size == sizeof(compiled.code)) /* as long as there is room for: perhaps cut */
		return size < 0 ? -errno : -E2BIG;
	compiled.program.filter = compiled.code;
	compiled.program.len = (unsigned short)((size_t)size / sizeof(*compiled.code));
	return 0;
}

static bool is_compiled(const struct sandbox_descriptors *fds)
{
	return compiled.program.len > 0 && compiled.fds.source == fds->source &&
	       compiled.fds.answer == fds->answer && compiled.fds.memory == fds->memory;
}

int filter_compile(const struct sandbox_descriptors *fds, bool for_children)
{
	if (is_compiled(fds))
		return 0;
	CLEANUP(close_p) int file = memfd_create("mural-filter", MFD_CLOEXEC);
	if (file < 0)
		return -errno;
	compiled.program.len = 0;
	int r = for_children ? build_elsewhere(fds, file) : build(fds, file);
	if (r == 0)
		r = take(file);
	if (r < 0)
		return r;
	compiled.fds = *fds;
	return 0;
}

int filter_load(const struct sandbox_descriptors *fds)
{
	if (!is_compiled(fds))
		return -EINVAL;
	long r = syscall(
		SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &compiled.program);
	if (r < 0)
		return -errno;
	return r == 0 ? 0 : -ESRCH; /* a thread that could not be brought along */
}

bool filter_available(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0u, &action) == 0;
}
