/* See walk_producer.h. Memory pressure of the machine is not watched: what goes in a walk is what
 * its budget and its script take. */
#include "walk_producer.h"

#include "harness/bench.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void walk_producer_start(struct walk_producer *producer, uint64_t budget_bytes, const char *order,
	unsigned consumers)
{
	char budget[32];
	snprintf(budget, sizeof(budget), "%" PRIu64 "K", budget_bytes >> 10);
	const char *const args[] = {"--budget", budget, "--order", order, "--idle-ms", WALK_IDLE_MS,
		"--pressure", "none", NULL};
	const struct mural_options options = {.name = "walk", .producer_args = args};
	struct mural_stats stats;
	bench_folder();
	*producer = (struct walk_producer){.consumers = consumers};
	for (unsigned i = 0; i < consumers; i++)
		bench_must(mural_open(&options, &producer->mural[i]) == 0, "mural_open");
	bench_must(mural_stat(producer->mural[0], -1, &stats) == 0, "mural_stat");
	producer->pid = stats.pid;
}

void walk_producer_stop(struct walk_producer *producer)
{
	struct pollfd gone = {
		.fd = (int)syscall(SYS_pidfd_open, producer->pid, 0), .events = POLLIN};
	bench_must(gone.fd >= 0, "pidfd_open");
	for (unsigned i = 0; i < producer->consumers; i++)
		mural_close(producer->mural[i]);
	kill(producer->pid, SIGTERM);
	bench_must(poll(&gone, 1, 10000) == 1, "the producer's end");
	close(gone.fd);
	waitpid(producer->pid, NULL, WNOHANG); /* it may be this program's own child */
}
