/* What a decoder cannot do, tried from each of its threads, in a process of its own each time.
 * Nothing in the production code is made for this: the child shuts itself in with the calls that a
 * decoder uses. */
#include "producer/sandbox.h"

#include "common/populate.h"
#include "common/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/landlock.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MIB ((uint64_t)1 << 20)

/* The child's descriptors have fixed numbers, so that the table below can name them. */
#define SOURCE 40
#define ANSWER 41
#define OTHER_FILE 42
#define MEMORY 45
#define WRITTEN_TO 4096
#define OTHER_SOCKET 43

#define HELPERS 2

/* Two pages to try things on. */
static char pages[2 * 4096] __attribute__((aligned(4096)));
static char path_here[] = "mural-test-forbidden";
static char path_known[] = "/etc/passwd";
static char *no_strings[] = {NULL};
static struct timespec no_time = {.tv_nsec = 1};

/* ---- a child that is shut in ---- */

/* What a child and its parent both see. */
struct seen {
	_Atomic int prepared, closed; /* 1 + the result of each, negated */
	_Atomic bool returned;
	_Atomic long result, error;
};

struct place {
	struct seen *seen;
	int answer; /* the other end of ANSWER */
	long (*act)(const void *context);
	const void *context;
	unsigned thread; /* who acts: 0 the main thread, 1 and 2 the helpers */
	_Atomic unsigned turn;
	sem_t running, never;
};

static struct place place;

static void act(void)
{
	errno = 0;
	long result = place.act(place.context);
	atomic_store(&place.seen->error, errno);
	atomic_store(&place.seen->result, result);
	atomic_store(&place.seen->returned, true);
}

static void *help(void *number)
{
	sem_post(&place.running);
	while (atomic_load(&place.turn) != (unsigned)(uintptr_t)number)
		sched_yield();
	act();
	atomic_store(&place.turn, UINT32_MAX);
	while (sem_wait(&place.never) < 0) /* a helper may not end */
		continue;
	return NULL;
}

static void start_helpers(void)
{
	sem_init(&place.running, 0, 0);
	sem_init(&place.never, 0, 0);
	for (uintptr_t i = 1; i <= HELPERS; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, help, (void *)i) != 0)
			_exit(101);
		while (sem_wait(&place.running) < 0)
			continue;
	}
}

static void put_at(int fd, int number)
{
	if (fd < 0 || dup2(fd, number) != number)
		_exit(102);
}

static void open_descriptors(int answer)
{
	static const char text[] = "source";
	put_at(memfd_create("source", 0), SOURCE);
	put_at(answer, ANSWER);
	put_at(memfd_create("memory", 0), MEMORY);
	if (ftruncate(MEMORY, (off_t)2 * WRITTEN_TO) < 0)
		_exit(105);
	put_at(memfd_create("other", 0), OTHER_FILE);
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		_exit(103);
	put_at(pair[0], OTHER_SOCKET);
	if (pwrite(SOURCE, text, sizeof(text), 0) < 0 ||
		pwrite(OTHER_FILE, text, sizeof(text), 0) < 0)
		_exit(104);
}

static const struct sandbox_limits limits = {
	.fds = {.source = SOURCE, .answer = ANSWER, .memory = MEMORY},
	.written_to = WRITTEN_TO,
	.memory_bytes = 128 * MIB,
	.cpu_seconds = 20};

static _Noreturn void be_the_child(int answer)
{
	open_descriptors(answer);
	int r = sandbox_begin();
	if (r == 0)
		r = sandbox_prepare(&limits);
	atomic_store(&place.seen->prepared, 1 - r);
	if (r < 0)
		_exit(0);
	start_helpers();
	r = sandbox_close(&limits);
	atomic_store(&place.seen->closed, 1 - r);
	if (r < 0)
		_exit(0);
	if (place.thread == 0) {
		act();
		_exit(0);
	}
	atomic_store(&place.turn, place.thread);
	while (atomic_load(&place.turn) != UINT32_MAX)
		sched_yield();
	_exit(0);
}

static struct seen *seen_create(void)
{
	struct seen *seen = mmap(
		NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(seen, MAP_FAILED);
	return seen;
}

/* Lets one thread of a child that is shut in do something. Returns how the child ended, as waitpid
 * does. */
static int act_shut_in(
	unsigned thread, long (*what)(const void *), const void *context, struct seen *ret_seen)
{
	int pair[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	struct seen *seen = seen_create();
	place.seen = seen;
	place.act = what;
	place.context = context;
	place.thread = thread;
	place.answer = pair[0];
	pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0)
		be_the_child(pair[1]);
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	close(pair[0]);
	close(pair[1]);
	memcpy((void *)ret_seen, (const void *)seen, sizeof(*seen));
	munmap(seen, sizeof(*seen));
	return status;
}

/* ---- what is refused ---- */

struct call {
	const char *name;
	long number;
	long arguments[6];
};

/* Of our own where the headers are older than the kernels this runs on. */
#define NR_openat2 437
#define NR_pidfd_getfd 438
#define NR_memfd_secret 447
#define NR_mseal 462

#define POINTER(p) ((long)(p))

static const struct call refused[] = {
	{"openat", SYS_openat, {AT_FDCWD, POINTER(path_known), O_RDONLY}},
	{"openat2", NR_openat2, {AT_FDCWD, POINTER(path_known), POINTER(pages), 24}},
	{"openat to create", SYS_openat, {AT_FDCWD, POINTER(path_here), O_CREAT | O_RDWR, 0600}},
	{"socket", SYS_socket, {AF_UNIX, SOCK_STREAM}},
	{"socket, inet", SYS_socket, {AF_INET, SOCK_STREAM}},
	{"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, POINTER(pages)}},
	{"connect", SYS_connect, {OTHER_SOCKET, POINTER(pages), 16}},
	{"bind", SYS_bind, {OTHER_SOCKET, POINTER(pages), 16}},
	{"listen", SYS_listen, {OTHER_SOCKET, 1}},
	{"accept4", SYS_accept4, {OTHER_SOCKET, 0, 0, 0}},
	{"recvmsg", SYS_recvmsg, {ANSWER, POINTER(pages), MSG_DONTWAIT}},
	{"recvmmsg", SYS_recvmmsg, {ANSWER, POINTER(pages), 1, MSG_DONTWAIT, 0}},
	{"recvfrom", SYS_recvfrom, {ANSWER, POINTER(pages), 1, MSG_DONTWAIT}},
	{"sendmsg to the producer", SYS_sendmsg, {ANSWER, POINTER(pages), 0}},
	{"sendmmsg", SYS_sendmmsg, {ANSWER, POINTER(pages), 1, 0}},
	{"sendto on another socket", SYS_sendto, {OTHER_SOCKET, POINTER(pages), 1, 0, 0, 0}},
	{"sendto with an address", SYS_sendto, {ANSWER, POINTER(pages), 1, 0, POINTER(pages), 16}},
	{"setsockopt", SYS_setsockopt, {ANSWER, SOL_SOCKET, SO_SNDBUF, POINTER(pages), 4}},
	{"getsockopt", SYS_getsockopt,
		{ANSWER, SOL_SOCKET, SO_PEERCRED, POINTER(pages), POINTER(pages + 64)}},
	{"shutdown", SYS_shutdown, {OTHER_SOCKET, SHUT_RDWR}},
	{"read the source", SYS_read, {SOURCE, POINTER(pages), 1}},
	{"readv", SYS_readv, {SOURCE, POINTER(pages), 1}},
	{"preadv", SYS_preadv, {SOURCE, POINTER(pages), 1, 0}},
	{"pread another descriptor", SYS_pread64, {OTHER_FILE, POINTER(pages), 1, 0}},
	{"pread the answer socket", SYS_pread64, {ANSWER, POINTER(pages), 1, 0}},
	{"write to the producer", SYS_write, {ANSWER, POINTER(pages), 1}},
	{"write to another descriptor", SYS_write, {OTHER_FILE, POINTER(pages), 1}},
	{"write to the source", SYS_write, {SOURCE, POINTER(pages), 1}},
	{"writev", SYS_writev, {OTHER_FILE, POINTER(pages), 1}},
	{"pwrite64", SYS_pwrite64, {OTHER_FILE, POINTER(pages), 1, 0}},
	{"pwrite to the source", SYS_pwrite64, {SOURCE, POINTER(pages), 1, 0}},
	{"read the memory", SYS_pread64, {MEMORY, POINTER(pages), 1, 0}},
	{"pwritev to the memory", SYS_pwritev, {MEMORY, POINTER(pages), 1, 0}},
	{"resize the memory", SYS_ftruncate, {MEMORY, 0}},
	{"punch the memory", SYS_fallocate, {MEMORY, 3, 0, 4096}},
	{"mremap", SYS_mremap, {POINTER(pages), 4096, 8192, MREMAP_MAYMOVE}},
	{"mmap of the source", SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, SOURCE, 0}},
	{"mmap of another file", SYS_mmap,
		{0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, OTHER_FILE, 0}},
	{"mmap shared", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0}},
	{"mmap hugetlb", SYS_mmap,
		{0, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0}},
	{"mmap to execute", SYS_mmap,
		{0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	{"mprotect to execute", SYS_mprotect, {POINTER(pages), 4096, PROT_READ | PROT_EXEC}},
	{"pkey_mprotect", SYS_pkey_mprotect, {POINTER(pages), 4096, PROT_READ, -1}},
	{"remap_file_pages", SYS_remap_file_pages, {POINTER(pages), 4096, 0, 1, 0}},
	{"mseal", NR_mseal, {POINTER(pages), 4096, 0}},
	{"mlock", SYS_mlock, {POINTER(pages), 4096}},
	{"msync", SYS_msync, {POINTER(pages), 4096, MS_SYNC}},
	{"madvise remove", SYS_madvise, {POINTER(pages), 4096, MADV_REMOVE}},
	{"madvise dofork", SYS_madvise, {POINTER(pages), 4096, MADV_DOFORK}},
	{"madvise collapse", SYS_madvise, {POINTER(pages), 4096, MADV_COLLAPSE}},
	{"madvise hwpoison", SYS_madvise, {POINTER(pages), 4096, MADV_HWPOISON}},
	{"process_madvise", SYS_process_madvise, {-1, POINTER(pages), 1, MADV_COLD, 0}},
	{"execve", SYS_execve, {POINTER("/bin/true"), POINTER(no_strings), POINTER(no_strings)}},
	{"execveat", SYS_execveat,
		{OTHER_FILE, POINTER(""), POINTER(no_strings), POINTER(no_strings), AT_EMPTY_PATH}},
	{"ptrace", SYS_ptrace, {0 /* TRACEME */}},
	{"kill", SYS_kill, {0, 0}},
	{"tkill", SYS_tkill, {1, 0}},
	{"rt_sigqueueinfo", SYS_rt_sigqueueinfo, {1, 0, POINTER(pages)}},
	{"clone", SYS_clone, {SIGCHLD}},
	{"clone of a thread", SYS_clone,
		{CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD}},
	{"clone3", SYS_clone3, {POINTER(pages), 64}},
	{"unshare", SYS_unshare, {CLONE_NEWUSER}},
	{"setns", SYS_setns, {OTHER_FILE, 0}},
	{"process_vm_readv", SYS_process_vm_readv, {1, POINTER(pages), 1, POINTER(pages), 1, 0}},
	{"process_vm_writev", SYS_process_vm_writev, {1, POINTER(pages), 1, POINTER(pages), 1, 0}},
	{"kcmp", SYS_kcmp, {1, 1, 0, 0, 0}},
	{"pidfd_open", SYS_pidfd_open, {1, 0}},
	{"pidfd_getfd", NR_pidfd_getfd, {OTHER_FILE, 1, 0}},
	{"pidfd_send_signal", SYS_pidfd_send_signal, {OTHER_FILE, 0, 0, 0}},
	{"dup", SYS_dup, {SOURCE}},
	{"dup3", SYS_dup3, {OTHER_FILE, SOURCE, 0}},
	{"fcntl", SYS_fcntl, {SOURCE, F_DUPFD, 0}},
	{"fcntl setown", SYS_fcntl, {ANSWER, F_SETOWN, 1}},
	{"flock", SYS_flock, {SOURCE, 2}},
	{"close", SYS_close, {OTHER_FILE}},
	{"fstat", SYS_fstat, {SOURCE, POINTER(pages)}},
	{"statx", SYS_statx, {AT_FDCWD, POINTER(path_known), 0, 0, POINTER(pages)}},
	{"lseek", SYS_lseek, {SOURCE, 0, SEEK_SET}},
	{"prctl", SYS_prctl, {PR_SET_DUMPABLE, 1}},
	{"prctl seccomp", SYS_prctl, {PR_SET_SECCOMP, 2, POINTER(pages)}},
	{"seccomp", SYS_seccomp, {1, 0, POINTER(pages)}},
	{"prlimit64", SYS_prlimit64, {0, RLIMIT_AS, 0, POINTER(pages)}},
	{"setrlimit", SYS_setrlimit, {RLIMIT_CORE, POINTER(pages)}},
	{"setpriority", SYS_setpriority, {0, 0, 19}},
	{"personality", SYS_personality, {0x0400000}},
	{"io_uring_setup", SYS_io_uring_setup, {1, POINTER(pages)}},
	{"io_uring_enter", SYS_io_uring_enter, {OTHER_FILE, 1, 0, 0, 0, 0}},
	{"io_setup", SYS_io_setup, {1, POINTER(pages)}},
	{"memfd_create", SYS_memfd_create, {POINTER(path_here), 0}},
	{"memfd_secret", NR_memfd_secret, {0}},
	{"shmget", SYS_shmget, {0, 4096, 0600}},
	{"shmat", SYS_shmat, {0, 0, 0}},
	{"msgget", SYS_msgget, {0, 0600}},
	{"semget", SYS_semget, {0, 1, 0600}},
	{"mq_open", SYS_mq_open, {POINTER(path_here), O_CREAT | O_RDWR, 0600, 0}},
	{"bpf", SYS_bpf, {0, POINTER(pages), 64}},
	{"userfaultfd", SYS_userfaultfd, {0}},
	{"perf_event_open", SYS_perf_event_open, {POINTER(pages), 0, -1, -1, 0}},
	{"keyctl", SYS_keyctl, {0, -3, 1}},
	{"add_key", SYS_add_key, {POINTER("user"), POINTER(path_here), POINTER(pages), 1, -3}},
	{"fchmod", SYS_fchmod, {SOURCE, 0777}},
	{"fchmodat", SYS_fchmodat, {AT_FDCWD, POINTER(path_here), 0777}},
	{"fchown", SYS_fchown, {SOURCE, 0, 0}},
	{"unlinkat", SYS_unlinkat, {AT_FDCWD, POINTER(path_here), 0}},
	{"mkdirat", SYS_mkdirat, {AT_FDCWD, POINTER(path_here), 0700}},
	{"renameat2", SYS_renameat2,
		{AT_FDCWD, POINTER(path_here), AT_FDCWD, POINTER(path_here), 0}},
	{"linkat", SYS_linkat, {AT_FDCWD, POINTER(path_here), AT_FDCWD, POINTER(path_here), 0}},
	{"symlinkat", SYS_symlinkat, {POINTER(path_here), AT_FDCWD, POINTER(path_here)}},
	{"truncate", SYS_truncate, {POINTER(path_here), 0}},
	{"ftruncate", SYS_ftruncate, {OTHER_FILE, 0}},
	{"fallocate", SYS_fallocate, {OTHER_FILE, 0, 0, 4096}},
	{"getdents64", SYS_getdents64, {OTHER_FILE, POINTER(pages), 64}},
	{"chdir", SYS_chdir, {POINTER("/")}},
	{"chroot", SYS_chroot, {POINTER("/")}},
	{"mount", SYS_mount, {0, POINTER("/"), 0, 0, 0}},
	{"pivot_root", SYS_pivot_root, {POINTER("/"), POINTER("/")}},
	{"setuid", SYS_setuid, {0}},
	{"setresuid", SYS_setresuid, {-1, -1, -1}},
	{"capset", SYS_capset, {POINTER(pages), POINTER(pages)}},
	{"nanosleep", SYS_nanosleep, {POINTER(&no_time), 0}},
	{"ppoll", SYS_ppoll, {POINTER(pages), 0, POINTER(&no_time), 0, 8}},
	{"epoll_create1", SYS_epoll_create1, {0}},
	{"eventfd2", SYS_eventfd2, {0, 0}},
	{"timerfd_create", SYS_timerfd_create, {CLOCK_MONOTONIC, 0}},
	{"timer_create", SYS_timer_create, {CLOCK_MONOTONIC, 0, POINTER(pages)}},
	{"inotify_init1", SYS_inotify_init1, {0}},
	{"fanotify_init", SYS_fanotify_init, {0, 0}},
	{"pipe2", SYS_pipe2, {POINTER(pages), 0}},
	{"splice", SYS_splice, {SOURCE, 0, OTHER_FILE, 0, 1, 0}},
	{"vmsplice", SYS_vmsplice, {OTHER_FILE, POINTER(pages), 1, 0}},
	{"sendfile", SYS_sendfile, {ANSWER, SOURCE, 0, 1}},
	{"copy_file_range", SYS_copy_file_range, {SOURCE, 0, OTHER_FILE, 0, 1, 0}},
	{"open_by_handle_at", SYS_open_by_handle_at, {OTHER_FILE, POINTER(pages), 0}},
	{"set_robust_list", SYS_set_robust_list, {POINTER(pages), 24}},
	{"membarrier", SYS_membarrier, {0, 0, 0}},
	{"getrandom", SYS_getrandom, {POINTER(pages), 8, 0}},
	{"getppid", SYS_getppid, {0}},
	{"uname", SYS_uname, {POINTER(pages)}},
	{"a call nobody knows", 100000, {0}},
#ifdef __x86_64__
	{"open", SYS_open, {POINTER(path_known), O_RDONLY}},
	{"fork", SYS_fork, {0}},
	{"dup2", SYS_dup2, {SOURCE, OTHER_FILE}},
	{"chmod", SYS_chmod, {POINTER(path_here), 0777}},
	{"unlink", SYS_unlink, {POINTER(path_here)}},
	{"poll", SYS_poll, {POINTER(pages), 0, 0}},
	{"modify_ldt", SYS_modify_ldt, {0, POINTER(pages), 16}},
	{"arch_prctl", SYS_arch_prctl, {0x1002, POINTER(pages)}},
	{"getpid of x32", 0x40000000 | SYS_getpid, {0}},
#endif
#ifndef MURAL_SANITIZED
	{"tgkill", SYS_tgkill, {1, 1, 0}},
	{"rt_sigaction", SYS_rt_sigaction, {SIGXCPU, 0, 0, 8}},
	{"rt_sigprocmask", SYS_rt_sigprocmask, {SIG_BLOCK, 0, 0, 8}},
	{"rt_sigreturn", SYS_rt_sigreturn, {0}},
	{"write to standard error", SYS_write, {STDERR_FILENO, POINTER(pages), 1}},
	{"ioctl", SYS_ioctl, {SOURCE, 0x5401, POINTER(pages)}},
#endif
};

static long make_call(const void *context)
{
	const struct call *call = context;
	const long *a = call->arguments;
	return syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* The sanitizers' run time asks for some things and goes on without them. */
static bool refused_quietly(const struct seen *seen)
{
#ifdef MURAL_SANITIZED
	return seen->returned && seen->result == -1 && seen->error == EACCES;
#else
	(void)seen;
	return false;
#endif
}

static bool is_refused(const struct call *call, unsigned thread)
{
	struct seen seen;
	int status = act_shut_in(thread, make_call, call, &seen);
	if (seen.prepared != 1 || seen.closed != 1) {
		cr_log_error("%s: not shut in: prepare %d, close %d", call->name, 1 - seen.prepared,
			1 - seen.closed);
		return false;
	}
	if ((WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) || refused_quietly(&seen))
		return true;
	cr_log_error("%s from thread %u: status %#x, returned %d: %ld, errno %ld", call->name,
		thread, status, seen.returned, seen.result, seen.error);
	return false;
}

static void skip_without_sandbox(void)
{
#ifdef MURAL_NO_SANDBOX
	cr_skip_test("this build has no sandbox");
#endif
}

static void refused_from(unsigned thread)
{
	skip_without_sandbox();
	unsigned passed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		passed += !is_refused(&refused[i], thread);
	cr_assert_eq(passed, 0, "%u of %zu calls got through", passed, ARRAY_SIZE(refused));
}

TestSuite(sandbox, .timeout = 300);

Test(sandbox, every_forbidden_call_ends_the_process_from_the_main_thread)
{
	refused_from(0);
}

Test(sandbox, every_forbidden_call_ends_the_process_from_the_first_helper)
{
	refused_from(1);
}

Test(sandbox, every_forbidden_call_ends_the_process_from_the_second_helper)
{
	refused_from(2);
}

#if defined(__x86_64__) && !defined(MURAL_NO_SANDBOX)
/* A 32-bit call: number 20 is getpid there, writev for us. */
static long make_i386_call(const void *context)
{
	long result;
	(void)context;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(20L)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

Test(sandbox, calls_of_another_architecture_end_the_process)
{
	struct seen seen;
	int status = act_shut_in(0, make_i386_call, NULL, &seen);
	cr_assert(WIFSIGNALED(status));
	/* SIGSEGV where the kernel does not take such calls at all. */
	cr_assert(WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV, "signal %d",
		WTERMSIG(status));
}
#endif

/* ---- what is left ---- */

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

static long use_memory(void)
{
	unsigned char *block = NULL;
	for (size_t size = 1000; size <= 32 * MIB; size *= 2) {
		unsigned char *larger = realloc(block, size);
		MUST(larger);
		block = larger;
		memset(block, 5, size);
	}
	free(block);
	unsigned char *map =
		mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(map != MAP_FAILED);
	map[MIB] = 1;
	MUST(madvise(map, 4 * MIB, MADV_DONTNEED) == 0);
	MUST(map[MIB] == 0);
	MUST(mprotect(map, 4096, PROT_READ) == 0);
	MUST(munmap(map, 4 * MIB) == 0);
	return 0;
}

static long use_what_is_left(const void *context)
{
	char text[8] = "";
	struct timespec now;
	static unsigned word = 1;
	(void)context;
	MUST(pread(SOURCE, text, 7, 0) == 7);
	MUST(memcmp(text, "source", 7) == 0);
	MUST(use_memory() == 0);
	MUST(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	MUST(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) == 0);
	MUST(syscall(SYS_futex, &word, FUTEX_WAKE, 1) == 0);
	MUST(syscall(SYS_futex, &word, FUTEX_WAIT, 1, &no_time) == -1 && errno == ETIMEDOUT);
	MUST(sched_yield() == 0);
	MUST(send(ANSWER, text, sizeof(text), MSG_NOSIGNAL) == sizeof(text));
	return 0;
}

static void works_from(unsigned thread)
{
	struct seen seen;
	int status = act_shut_in(thread, use_what_is_left, NULL, &seen);
	cr_assert_eq(status, 0, "status %#x", status);
	cr_assert(seen.returned);
	cr_assert_eq(seen.result, 0, "line %ld, errno %ld", seen.result, seen.error);
}

Test(sandbox, what_a_codec_needs_works_from_every_thread)
{
	for (unsigned thread = 0; thread <= HELPERS; thread++)
		works_from(thread);
}

#if !defined(MURAL_NO_SANDBOX) && !defined(MURAL_SANITIZED)
static long map_too_much(const void *context)
{
	(void)context;
	return mmap(NULL, 160 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
		       ? errno
		       : 0;
}

Test(sandbox, memory_over_the_limit_is_refused_with_enomem)
{
	struct seen seen;
	act_shut_in(0, map_too_much, NULL, &seen);
	cr_assert(seen.returned);
	cr_assert_eq(seen.result, ENOMEM);
}
#endif

/* ---- the walls one by one ---- */

/* Runs in a child that is prepared but not closed; the result is its exit status. */
static int act_prepared(int (*act_in_child)(void))
{
	pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		_exit(sandbox_begin() < 0 || sandbox_prepare(&limits) < 0 ? 99 : act_in_child());
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "status %#x", status);
	return WEXITSTATUS(status);
}

static int make_folder(void)
{
	char path[] = "/tmp/mural-test-landlock";
	int error = mkdir(path, 0700) < 0 ? errno : 0;
	if (error == 0)
		rmdir(path);
	return error;
}

static void *make_folder_in_a_thread(void *ret_error)
{
	*(int *)ret_error = make_folder();
	return NULL;
}

static int make_folder_elsewhere(void)
{
	pthread_t thread;
	int error = 98;
	if (pthread_create(&thread, NULL, make_folder_in_a_thread, &error) == 0)
		pthread_join(thread, NULL);
	return error;
}

Test(sandbox, landlock_alone_keeps_all_threads_from_the_file_system)
{
	skip_without_sandbox();
	if (!(sandbox_features() & SANDBOX_LANDLOCK))
		cr_skip_test("this kernel has no Landlock, or it is not switched on");
	cr_assert_eq(act_prepared(make_folder), EACCES);
	cr_assert_eq(act_prepared(make_folder_elsewhere), EACCES);
}

static int open_one(void)
{
	return dup(STDERR_FILENO) < 0 ? errno : 0;
}

static int look_at_state(void)
{
	struct rlimit core, size;
	getrlimit(RLIMIT_CORE, &core);
	getrlimit(RLIMIT_FSIZE, &size);
	return !(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_DUMPABLE) == 0 &&
		 core.rlim_max == 0 && size.rlim_max == WRITTEN_TO);
}

Test(sandbox, limits_hold_before_the_filter_does)
{
	skip_without_sandbox();
	cr_assert_eq(act_prepared(open_one), EMFILE);
	cr_assert_eq(act_prepared(look_at_state), 0);
}

/* ---- what a nursery does ahead ---- */

Test(sandbox, what_was_set_up_before_the_fork_shuts_in_as_well)
{
	skip_without_sandbox();
	cr_assert_eq(sandbox_set_up(&limits.fds), 0);
	refused_from(0);
	refused_from(1);
	works_from(0);
	works_from(1);
	cr_assert_eq(act_prepared(open_one), EMFILE);
	cr_assert_eq(act_prepared(look_at_state), 0);
#if !defined(MURAL_NO_SANDBOX) && !defined(MURAL_SANITIZED)
	struct seen seen;
	act_shut_in(0, map_too_much, NULL, &seen);
	cr_assert_eq(seen.result, ENOMEM);
#endif
}

static int score_of(pid_t pid)
{
	char path[64], text[16] = "";
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? atoi(text) : -1;
}

Test(sandbox, a_child_volunteers_for_the_oom_killer_and_its_parent_does_not)
{
	skip_without_sandbox();
	const int usual = score_of(getpid());
	if (usual < 0)
		cr_skip_test("no /proc");
	cr_assert_eq(sandbox_set_up(&limits.fds), 0);
	for (unsigned turn = 0; turn < 3; turn++) {
		pid_t pid = sandbox_fork();
		cr_assert_geq(pid, 0);
		if (pid == 0)
			for (;;)
				pause();
		cr_expect_eq(score_of(pid), 1000);
		cr_expect_eq(score_of(getpid()), usual);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* ---- the memory, where it may be written ---- */

static long write_below_the_end(const void *context)
{
	(void)context;
	return pwrite(MEMORY, pages, 100, WRITTEN_TO - 50);
}

static long write_beyond(const void *context)
{
	(void)context;
	return pwrite(MEMORY, pages, 1, WRITTEN_TO);
}

Test(sandbox, the_memory_can_be_written_up_to_the_end_of_the_window)
{
	skip_without_sandbox();
	struct seen seen;
	act_shut_in(1, write_below_the_end, NULL, &seen);
	cr_assert(seen.returned);
	cr_assert_eq(seen.result, 50, "not cut: %ld", (long)seen.result);
	int status = act_shut_in(0, write_beyond, NULL, &seen);
	cr_assert((WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) ||
			  (seen.returned && seen.error == EFBIG),
		"status %#x", status);
}

/* ---- machines that offer less ---- */

/* Makes Landlock look missing, as old kernels (ENOSYS) and a boot without it (EOPNOTSUPP) do. */
static int without_landlock(int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), 444, 0);
	r = r < 0 ? r : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0);
	r = r < 0 ? r : seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

static int shuts_in_with(int error)
{
	pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		if (without_landlock(error) < 0 || sandbox_features() != SANDBOX_SECCOMP)
			_exit(97);
		if (sandbox_begin() < 0 || sandbox_prepare(&limits) < 0 ||
			sandbox_close(&limits) < 0)
			_exit(98);
		syscall(SYS_getppid);
		_exit(0);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

Test(sandbox, where_landlock_is_missing_the_filter_stands_alone)
{
	skip_without_sandbox();
	static const int errors[] = {ENOSYS, EOPNOTSUPP};
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		int status = shuts_in_with(errors[i]);
		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %#x", status);
	}
}

Test(sandbox, an_unprivileged_user_is_shut_in_as_well)
{
	skip_without_sandbox();
	if (geteuid() != 0)
		cr_skip_test("all other tests here run as such a user already");
	cr_assert_eq(setresgid(65534, 65534, 65534), 0);
	cr_assert_eq(setresuid(65534, 65534, 65534), 0);
	works_from(0);
	works_from(1);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		cr_assert(is_refused(&refused[i], 1));
}
