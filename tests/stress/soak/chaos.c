/* What happens to everybody: consumers, decoders and producers killed, consumers stopped with what
 * they have pinned, memory taken in the group. All processes are this one's children or, once
 * their parents are gone, become so: how each of them ended is seen here. */
#include "soak.h"

#include "common/util.h"
#include "support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define PAUSE_MAX_MS 200
#define HOG_MAX_MIB 70
#define HOG_TURNS_MAX 6
/* A consumer whose sessions end within 5 s, six times in a row, takes its producer for one that can
 * not live, and gives up: what is to be seen here is that it comes back. */
#define PRODUCER_LIFE_NS UINT64_C(8000000000)

enum deed {
	DEED_KILL_CONSUMER,
	DEED_STOP_CONSUMER,
	DEED_KILL_DECODER,
	DEED_KILL_PRODUCER,
	DEED_SIGNAL_PRODUCER,
	DEED_HOG,
	DEEDS
};

static const struct {
	const char *name;
	uint32_t weight;
} deeds[DEEDS] = {
	[DEED_KILL_CONSUMER] = {"consumers killed", 10},
	[DEED_STOP_CONSUMER] = {"consumers stopped", 6},
	[DEED_KILL_DECODER] = {"decoders killed", 16},
	[DEED_KILL_PRODUCER] = {"producers killed", 2},
	[DEED_SIGNAL_PRODUCER] = {"producers told to purge", 6},
	[DEED_HOG] = {"hogs", 6},
};

struct chaos {
	struct soak *soak;
	struct soak_dice dice;
	pid_t consumer[SOAK_CONSUMERS];
	bool killed[SOAK_CONSUMERS]; /* by us */
	pid_t stopped;
	pid_t hog;
	unsigned hog_turns; /* until it is killed */
	pid_t producer;     /* that we have killed last, */
	uint64_t killed_ns; /* then */
	uint64_t next_number;
	unsigned done[DEEDS];
};

/* ---- processes that come and go ---- */

static void start_consumer(struct chaos *chaos, size_t which)
{
	uint64_t number = chaos->next_number++;
	pid_t pid = fork();
	if (pid == 0) {
		if (chaos->soak->in_group)
			test_group_move(&chaos->soak->group, getpid());
		soak_consume(chaos->soak, number);
	}
	if (pid < 0)
		soak_wrong(chaos->soak, "fork: %m");
	chaos->consumer[which] = pid;
	chaos->killed[which] = false;
}

static void judge_consumer(struct chaos *chaos, size_t which, int status)
{
	if (!(chaos->killed[which] && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) &&
		status != 0)
		soak_wrong(chaos->soak, "a consumer ended with status %#x", (unsigned)status);
	if (chaos->stopped == chaos->consumer[which])
		chaos->stopped = 0;
	chaos->consumer[which] = 0;
}

/* Producers, nurseries and decoders whose parents are gone. */
static void judge_orphan(struct chaos *chaos, pid_t pid, const char *name, int status)
{
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	if (strcmp(name, "mural-producer") == 0 && killed && pid != chaos->producer)
		soak_wrong(chaos->soak, "a producer was killed, and not by us");
	if (WIFSIGNALED(status) && !killed && WTERMSIG(status) != SIGTERM)
		soak_wrong(chaos->soak, "%s died of signal %d", name, WTERMSIG(status));
}

static void read_name(pid_t pid, char name[32])
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, name, 31);
	name[length > 0 ? length - 1 : 0] = '\0';
}

/* All that have ended. */
static void reap(struct chaos *chaos)
{
	siginfo_t ended = {0};
	while (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid > 0) {
		char name[32];
		int status = 0;
		size_t which = 0;
		pid_t pid = ended.si_pid;
		read_name(pid, name);
		waitpid(pid, &status, 0);
		while (which < SOAK_CONSUMERS && chaos->consumer[which] != pid)
			which++;
		if (which < SOAK_CONSUMERS)
			judge_consumer(chaos, which, status);
		else if (pid == chaos->hog)
			chaos->hog = 0;
		else
			judge_orphan(chaos, pid, name, status);
		ended.si_pid = 0;
	}
}

/* ---- deeds ---- */

static bool kill_consumer(struct chaos *chaos)
{
	size_t which = soak_below(&chaos->dice, SOAK_CONSUMERS);
	chaos->killed[which] = true;
	return chaos->consumer[which] > 0 && kill(chaos->consumer[which], SIGKILL) == 0;
}

/* Until the next one is. */
static bool stop_consumer(struct chaos *chaos)
{
	if (chaos->stopped > 0)
		kill(chaos->stopped, SIGCONT);
	chaos->stopped = chaos->consumer[soak_below(&chaos->dice, SOAK_CONSUMERS)];
	return chaos->stopped > 0 && kill(chaos->stopped, SIGSTOP) == 0;
}

static bool kill_decoder(struct chaos *chaos)
{
	pid_t producer = test_child_named(getpid(), "mural-producer", 0);
	pid_t nursery = producer > 0 ? test_child_named(producer, "mural-nursery", 0) : 0;
	pid_t decoder = nursery > 0 ? test_child_named(nursery, "mural-decoder", 0) : 0;
	if (decoder > 0 && soak_below(&chaos->dice, 2) == 0) {
		pid_t second = test_child_named(nursery, "mural-decoder", decoder);
		decoder = second > 0 ? second : decoder;
	}
	return decoder > 0 && kill(decoder, SIGKILL) == 0;
}

static bool let_producer_purge(void)
{
	pid_t producer = test_child_named(getpid(), "mural-producer", 0);
	return producer > 0 && kill(producer, SIGUSR1) == 0;
}

static bool kill_producer(struct chaos *chaos)
{
	pid_t producer = test_child_named(getpid(), "mural-producer", 0);
	uint64_t now = monotonic_ns();
	if (producer <= 0 || now < chaos->killed_ns + PRODUCER_LIFE_NS)
		return false;
	chaos->producer = producer;
	chaos->killed_ns = now;
	return kill(producer, SIGKILL) == 0;
}

/* Takes memory a MiB at a time, holds it for some turns. If it is too much it is the first to be
 * killed. */
static bool let_hog(struct chaos *chaos)
{
	char path[64];
	if (!chaos->soak->in_group || chaos->hog > 0)
		return false;
	chaos->hog_turns = 1 + soak_below(&chaos->dice, HOG_TURNS_MAX);
	chaos->hog = test_group_hog(&chaos->soak->group,
		(20 + soak_below(&chaos->dice, HOG_MAX_MIB - 20)) * SOAK_MIB,
		soak_below(&chaos->dice, 4) * 500, true);
	if (chaos->hog < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)chaos->hog);
	test_write_file(path, "1000", 4);
	return true;
}

static bool do_one(struct chaos *chaos, enum deed deed)
{
	switch (deed) {
	case DEED_KILL_CONSUMER:
		return kill_consumer(chaos);
	case DEED_STOP_CONSUMER:
		return stop_consumer(chaos);
	case DEED_KILL_DECODER:
		return kill_decoder(chaos);
	case DEED_KILL_PRODUCER:
		return kill_producer(chaos);
	case DEED_SIGNAL_PRODUCER:
		return let_producer_purge();
	case DEED_HOG:
		return let_hog(chaos);
	default:
		return false;
	}
}

static enum deed choose(struct chaos *chaos)
{
	uint32_t sum = 0, deed = 0;
	for (size_t i = 0; i < DEEDS; i++)
		sum += deeds[i].weight;
	uint32_t chosen = soak_below(&chaos->dice, sum);
	while (chosen >= deeds[deed].weight)
		chosen -= deeds[deed++].weight;
	return (enum deed)deed;
}

static void turn(struct chaos *chaos)
{
	for (size_t i = 0; i < SOAK_CONSUMERS; i++)
		if (chaos->consumer[i] == 0)
			start_consumer(chaos, i);
	enum deed deed = choose(chaos);
	chaos->done[deed] += do_one(chaos, deed);
	if (chaos->hog > 0 && chaos->hog_turns-- == 0)
		kill(chaos->hog, SIGKILL);
	poll(NULL, 0, (int)soak_below(&chaos->dice, PAUSE_MAX_MS));
	reap(chaos);
}

static bool all_have_left(void *context)
{
	struct chaos *chaos = context;
	reap(chaos);
	for (size_t i = 0; i < SOAK_CONSUMERS; i++)
		if (chaos->consumer[i] != 0)
			return false;
	return chaos->hog == 0;
}

static bool is_over(const struct soak *soak, uint64_t end_ns, uint64_t latest_ns)
{
	uint64_t now = monotonic_ns();
	return now >= latest_ns || (now >= end_ns && soak_has_happened(soak));
}

void soak_chaos(struct soak *soak, uint64_t end_ns, uint64_t latest_ns)
{
	struct chaos chaos = {.soak = soak, .dice = soak_dice(soak->seed, 0), .next_number = 1};
	while (!is_over(soak, end_ns, latest_ns) && soak->shared->wrong == 0)
		turn(&chaos);
	soak->shared->stop = true;
	if (chaos.stopped > 0)
		kill(chaos.stopped, SIGCONT);
	if (chaos.hog > 0)
		kill(chaos.hog, SIGKILL);
	if (!test_until(all_have_left, &chaos, 2 * SOAK_WAIT_MS))
		soak_wrong(soak, "a consumer does not end");
	for (size_t i = 0; i < DEEDS; i++)
		printf("%s%s: %u", i ? ", " : "", deeds[i].name, chaos.done[i]);
	putchar('\n');
}
