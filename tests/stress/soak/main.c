/* The real producer with a small budget, and consumers that come and go, for a while, with random
 * trims, purges and memory pressure, and with kill -9 of everybody. All pixels are right all the
 * time; at the end nothing is left of it.
 *
 *   soak [SECONDS [SEED]]
 *
 * The choices of each process follow from the seed, which is printed; how they fall together in
 * time does not. */
#include "soak.h"

#include "common/util.h"
#include "support/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define SECONDS_USUAL 24
#define GROUP_BYTES (160 * SOAK_MIB)

static struct soak soak;
static char *folder;

static void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return memory;
}

/* In a process of its own, so that the producer that it starts is in the group, and this one never
 * holds a connection that a child would inherit. */
static bool in_child(bool (*work)(void *), void *argument)
{
	int status = 1;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (soak.in_group)
			test_group_move(&soak.group, getpid());
		_exit(!work(argument));
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool learn(void *unused)
{
	(void)unused;
	return soak_learn_pictures(&soak);
}

struct rests {
	struct soak_rest before, after;
};

static bool rest_before(void *rests)
{
	return soak_rest(NULL, &((struct rests *)rests)->before);
}

static bool rest_after(void *argument)
{
	struct rests *rests = argument;
	return soak_rest(&rests->before, &rests->after);
}

static bool nobody_is_left(void *unused)
{
	(void)unused;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

/* The producer ends when asked; what belonged to others that were killed has ended long ago. */
static void end_all(void)
{
	for (pid_t pid; (pid = test_child_named(getpid(), "mural-producer", 0)) > 0;) {
		kill(pid, SIGTERM);
		if (waitpid(pid, NULL, 0) != pid)
			break;
	}
	if (!test_until(nobody_is_left, NULL, SOAK_WAIT_MS / 4))
		soak_wrong(&soak, "a process is left");
}

static void print_rest(const char *when, const struct soak_rest *rest)
{
	printf("%s: %u regions, %llu KiB used, %llu KiB allocated; the producer has %d "
	       "descriptors, %d mappings, %d children\n",
		when, rest->regions, (unsigned long long)rest->used_bytes >> 10,
		(unsigned long long)rest->allocated_bytes >> 10, rest->descriptors, rest->mappings,
		rest->children);
}

/* The kernel's word on shared memory: of the group, which nobody else is in. */
static void judge_group(void)
{
	uint64_t usage = test_group_usage(&soak.group);
	uint64_t shared = test_group_shared(&soak.group);
	printf("the group, when all have left: %llu KiB charged, %llu KiB of them shared memory\n",
		(unsigned long long)usage >> 10, (unsigned long long)shared >> 10);
	if (shared > SOAK_MIB)
		soak_wrong(&soak, "shared memory is left");
}

static void judge_counts(void)
{
	const struct soak_shared *shared = soak.shared;
	printf("%llu consumers, %llu steps, %llu looks at all pixels, %llu pins purged, %llu "
	       "decoded again, %llu trims and purges, %llu reconnects, %llu refusals, %llu wrong\n",
		(unsigned long long)shared->lives, (unsigned long long)shared->steps,
		(unsigned long long)shared->checks, (unsigned long long)shared->purged,
		(unsigned long long)shared->redecodes, (unsigned long long)shared->trims,
		(unsigned long long)shared->reconnects, (unsigned long long)shared->refused,
		(unsigned long long)shared->wrong);
	if (shared->wrong == 0 && !soak_has_happened(&soak))
		soak_wrong(&soak, "too little has happened to say anything");
}

static void run(unsigned seconds)
{
	struct rests *rests = share(sizeof(*rests));
	if (!in_child(learn, NULL) || !in_child(rest_before, rests)) {
		soak_wrong(&soak, "the soak can not begin");
		end_all();
		return;
	}
	uint64_t now = monotonic_ns(), length = seconds * UINT64_C(1000000000);
	soak_chaos(&soak, now + length, now + 4 * length);
	if (!in_child(rest_after, rests))
		soak_wrong(&soak, "the pool does not come to rest");
	print_rest("before", &rests->before);
	print_rest("after", &rests->after);
	end_all();
	munmap(rests, sizeof(*rests));
}

static void enter_group(void)
{
#ifndef MURAL_SANITIZED
	soak.in_group = test_group_create(&soak.group, GROUP_BYTES);
	if (!soak.in_group)
		printf("no control group can be made here: no pressure\n");
#else
	printf("a sanitizer needs more memory than a group has: no pressure\n");
	setenv("MURAL_LOG", "1", 1); /* its reports on producers and decoders go to stderr */
#endif
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : SECONDS_USUAL;
	soak.seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	if (argc > 3 || seconds <= 0) {
		fprintf(stderr, "usage: soak [SECONDS [SEED]]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%d seconds, seed %llu\n", seconds, (unsigned long long)soak.seed);
	soak.shared = share(sizeof(*soak.shared));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	folder = test_folder_create();
	enter_group();
	run((unsigned)seconds);
	if (soak.in_group) {
		judge_group();
		test_group_remove(&soak.group);
	}
	judge_counts();
	test_folder_remove(folder);
	return soak.shared->wrong != 0;
}
