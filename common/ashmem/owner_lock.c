/* The lock of a control block. Fast path: one compare-and-swap each way. Slow path: short sleeps,
 * and after each a look at whether the owner still lives, so that a lock left by a dead process is
 * taken over within a few sleeps. */
#include "common/ashmem/owner_lock.h"

#include "common/death_point.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TID_MASK 0x3fffffffu
#define WAITERS ((uint64_t)1 << 31)
#define START_SHIFT 32
#define SPACE_SHIFT 48
#define NAP_NS 5000000 /* between two looks at the owner */
#define SPINS 100

int64_t ashmem_wait_limit_ns = 5000000000;

/* Who we are costs system calls, so each thread remembers it, with the number of the process' life
 * it is for: after a fork, however it was done, the kernel has wiped the page where that number
 * stands. */
static pthread_once_t life_once = PTHREAD_ONCE_INIT;
static uint32_t *life_page; /* NULL: the kernel can not wipe on fork */
static uint32_t lives;
static _Thread_local struct {
	uint32_t life;
	uint64_t word;
} self;

static void map_life_page(void)
{
	void *page = mmap(NULL, sizeof(*life_page), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return;
	if (madvise(page, sizeof(*life_page), MADV_WIPEONFORK) == 0)
		life_page = page;
	else
		munmap(page, sizeof(*life_page));
}

/* The number of this process' life; 0 when it can not be known. */
static uint32_t current_life(void)
{
	pthread_once(&life_once, map_life_page);
	if (!life_page)
		return 0;
	uint32_t life = __atomic_load_n(life_page, __ATOMIC_RELAXED);
	if (life == 0) {
		uint32_t fresh = __atomic_add_fetch(&lives, 1, __ATOMIC_RELAXED);
		if (__atomic_compare_exchange_n(
			    life_page, &life, fresh, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			life = fresh;
	}
	return life;
}

static uint16_t hash16(uint64_t value)
{
	value *= 0x9e3779b97f4a7c15u;
	uint16_t hash = (uint16_t)(value >> 48);
	return hash ? hash : 1; /* 0 means unknown */
}

struct task_stat {
	uint32_t tid;
	char state;
	uint16_t start_hash;
};

/* Fields 1, 3 and 22 of a stat file in /proc. The name, field 2, may hold anything, also ')'. */
static int read_task_stat(const char *path, struct task_stat *ret)
{
	char text[1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	int error = n < 0 ? -errno : 0;
	close(fd);
	if (n <= 0)
		return error ? error : -ENODATA;
	text[n] = '\0';
	char *field = strrchr(text, ')');
	unsigned long long start = 0;
	char state;
	if (!field || sscanf(field + 1,
			      " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			      "%*d %*d %llu",
			      &state, &start) != 2)
		return -EBADMSG;
	*ret = (struct task_stat){
		.tid = (uint32_t)strtoul(text, NULL, 10),
		.state = state,
		.start_hash = hash16(start),
	};
	return 0;
}

static uint16_t namespace_hash(void)
{
	struct stat pids, time;
	if (stat("/proc/self/ns/pid", &pids) < 0)
		return 0;
	if (stat("/proc/self/ns/time", &time) < 0) /* before Linux 5.6 */
		time.st_ino = 0;
	return hash16(pids.st_ino * 31 + time.st_ino);
}

static uint64_t describe_self(void)
{
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	struct task_stat stat;
	/* A /proc of another pid namespace describes another thread under our number. */
	if (read_task_stat("/proc/thread-self/stat", &stat) < 0 || stat.tid != tid)
		return tid;
	return tid | (uint64_t)stat.start_hash << START_SHIFT |
	       (uint64_t)namespace_hash() << SPACE_SHIFT;
}

static uint64_t self_word(void)
{
	uint32_t life = current_life();
	if (life == 0 || self.life != life) {
		self.word = describe_self();
		self.life = life;
	}
	return self.word;
}

/* In doubt an owner lives: the wait ends by time then. */
static bool owner_is_dead(uint64_t word)
{
	uint32_t tid = (uint32_t)word & TID_MASK;
	uint16_t space = (uint16_t)(word >> SPACE_SHIFT), start = (uint16_t)(word >> START_SHIFT);
	uint16_t my_space = (uint16_t)(self_word() >> SPACE_SHIFT);
	if (tid == 0)
		return true;
	if (space && my_space && space != my_space)
		return false;
	if (kill((pid_t)tid, 0) < 0 && errno == ESRCH)
		return true;
	if (!my_space || !space)
		return false;
	char path[32];
	struct task_stat stat;
	snprintf(path, sizeof(path), "/proc/%u/stat", tid);
	if (read_task_stat(path, &stat) < 0)
		return false; /* hidden, or just gone: the next look finds out */
	return stat.state == 'Z' || stat.state == 'X' || stat.start_hash != start;
}

static uint32_t *futex_half(uint64_t *word)
{
	uint32_t *halves = (uint32_t *)word;
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? &halves[0] : &halves[1];
}

static void nap(uint64_t *word, uint64_t seen)
{
	const struct timespec limit = {.tv_nsec = NAP_NS};
	syscall(SYS_futex, futex_half(word), FUTEX_WAIT, (uint32_t)seen, &limit, NULL, 0);
}

int64_t owner_lock_deadline(void)
{
	return (int64_t)monotonic_ns() + ashmem_wait_limit_ns;
}

int owner_lock_wait(uint64_t *word, int64_t deadline_ns, uint64_t *ret_seen)
{
	uint64_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	if (seen == 0)
		return 0;
	if ((seen & ~WAITERS) == self_word())
		return -EDEADLK;
	uint64_t asleep = seen | WAITERS;
	if (seen != asleep && !__atomic_compare_exchange_n(word, &seen, asleep, false,
				      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return 0;
	nap(word, asleep);
	if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != asleep)
		return (int64_t)monotonic_ns() > deadline_ns ? -ETIMEDOUT : 0;
	if (owner_is_dead(asleep)) {
		*ret_seen = asleep;
		return 1;
	}
	return (int64_t)monotonic_ns() > deadline_ns ? -ETIMEDOUT : 0;
}

bool owner_lock_take_over(uint64_t *word, uint64_t seen)
{
	/* Others may be asleep on it: they stay announced. */
	bool taken = __atomic_compare_exchange_n(
		word, &seen, self_word() | WAITERS, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
	death_point();
	return taken;
}

static bool try_take(uint64_t *word, uint64_t mine)
{
	uint64_t expected = 0;
	if (!__atomic_compare_exchange_n(
		    word, &expected, mine, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	death_point();
	return true;
}

static int acquire_slowly(uint64_t *word)
{
	for (int i = 0; i < SPINS; i++) {
		if (__atomic_load_n(word, __ATOMIC_RELAXED) == 0 && try_take(word, self_word()))
			return 0;
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#endif
	}
	int64_t deadline = owner_lock_deadline();
	for (;;) {
		/* Whoever has slept can not know whether others still do, so it keeps them
		 * announced. */
		if (try_take(word, self_word() | WAITERS))
			return 0;
		uint64_t seen;
		int r = owner_lock_wait(word, deadline, &seen);
		if (r < 0)
			return r;
		if (r > 0 && owner_lock_take_over(word, seen))
			return 0;
	}
}

int owner_lock_acquire(uint64_t *word)
{
	if (try_take(word, self_word()))
		return 0;
	return acquire_slowly(word);
}

int owner_lock_release(uint64_t *word)
{
	uint64_t mine = self_word(), old = mine;
	death_point();
	while (!__atomic_compare_exchange_n(
		word, &old, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		if ((old & ~WAITERS) != mine)
			return -EBADMSG;
	death_point();
	if (old & WAITERS)
		syscall(SYS_futex, futex_half(word), FUTEX_WAKE, 1, NULL, NULL, 0);
	return 0;
}

void owner_lock_claim(uint64_t *word)
{
	__atomic_store_n(word, self_word(), __ATOMIC_RELEASE);
	death_point();
}
