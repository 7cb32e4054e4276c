/* The parts of Mural: where the socket lies, the producer's program, the producer that runs. */
#include "command.h"
#include "doctor.h"

#include "common/endpoint.h"
#include "common/size.h"
#include "common/util.h"

#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A pool whose decodes are mostly of what it had just thrown away. */
#define THRASHING_DECODES 100

static void judge_folder(struct finding *finding, const char *folder, const struct stat *st)
{
	if (!S_ISDIR(st->st_mode) || st->st_uid != geteuid()) {
		finding_set(finding, FINDING_PROBLEM, "%s is not a folder of this user", folder);
		finding_advise(finding,
			"remove it, or set XDG_RUNTIME_DIR or MURAL_SOCKET to a place of your own");
	} else if (st->st_mode & 022) {
		finding_set(finding, FINDING_PROBLEM, "others may write into %s", folder);
		finding_advise(finding, "chmod 0700 %s", folder);
	} else {
		finding_set(finding, FINDING_OK, "the socket lies in %s", folder);
	}
}

/* Just the last folder of the path is made. */
static void judge_missing(struct finding *finding, const char *folder)
{
	CLEANUP(free_p) char *copy = strdup(folder);
	const char *parent = copy ? dirname(copy) : "/";
	if (access(parent, W_OK | X_OK) == 0) {
		finding_set(finding, FINDING_OK,
			"the socket will lie in %s, made when it is needed", folder);
		return;
	}
	finding_set(finding, FINDING_PROBLEM, "%s is not there and cannot be made: %s: %s", folder,
		parent, strerror(errno));
	finding_advise(finding,
		"set XDG_RUNTIME_DIR to a folder of your own (a login session does), or "
		"MURAL_SOCKET to a path in one");
}

void check_runtime_folder(const struct doctor *doctor, struct finding *finding)
{
	struct endpoint endpoint;
	struct stat st;
	(void)doctor;
	int r = endpoint_resolve(NULL, &endpoint);
	if (r < 0) {
		finding_set(finding, FINDING_PROBLEM, "the socket's path: %s", strerror(-r));
		finding_advise(finding, "set XDG_RUNTIME_DIR or MURAL_SOCKET to a shorter path");
		return;
	}
	char *folder = dirname(endpoint.address.sun_path);
	if (stat(folder, &st) == 0)
		judge_folder(finding, folder, &st);
	else if (errno == ENOENT)
		judge_missing(finding, folder);
	else
		finding_set(finding, FINDING_PROBLEM, "the socket's folder, %s: %s", folder,
			strerror(errno));

	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (finding->state == FINDING_OK && endpoint.is_default && !(runtime && *runtime)) {
		finding->state = FINDING_NOTE;
		finding_advise(finding, "XDG_RUNTIME_DIR is not set (a login session sets it): "
					"programs with and without it do not share");
	}
}

/* Where mural_open looks, in its order. */
static bool find_program(char *ret, size_t size)
{
	const char *named = getenv("MURAL_PRODUCER");
	char self[300];
	if (named && *named) {
		snprintf(ret, size, "%s", named);
		return access(ret, X_OK) == 0;
	}
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length > 0) {
		self[length] = '\0';
		char *slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		snprintf(ret, size, "%s/mural-producer", self);
		if (access(ret, X_OK) == 0)
			return true;
	}
	snprintf(ret, size, "%s", MURAL_INSTALLED_PRODUCER);
	return access(ret, X_OK) == 0;
}

void check_program(const struct doctor *doctor, struct finding *finding)
{
	char path[340];
	if (find_program(path, sizeof(path))) {
		finding_set(finding, FINDING_OK, "the producer is %s", path);
		return;
	}
	bool runs = doctor->connected == 0;
	finding_set(finding, runs ? FINDING_NOTE : FINDING_PROBLEM, "no producer's program: %s: %s",
		path, strerror(errno));
	finding_advise(finding, "install mural-producer, or set MURAL_PRODUCER to where it is");
}

void check_producer(const struct doctor *doctor, struct finding *finding)
{
	const struct mural_stats *stats = &doctor->stats;
	char used[SIZE_TEXT_MAX], budget[SIZE_TEXT_MAX];
	if (doctor->connected == -ECONNREFUSED) {
		finding_set(finding, FINDING_OK,
			"none is running; the first program that wants a picture starts it");
		return;
	}
	if (doctor->connected < 0) {
		finding_set(finding, FINDING_PROBLEM, "%s", open_error_text(doctor->connected));
		finding_advise(finding,
			"end the process that holds the socket; the next program starts another");
		return;
	}
	finding_set(finding, FINDING_OK,
		"pid %d, %s driver, %s of %s used, %u programs, %" PRIu64 " decodes", stats->pid,
		stats->driver == 2 ? "device" : "memfd", size_text(stats->used_bytes, used),
		size_text(stats->budget_bytes, budget), stats->sessions, stats->decodes);
}

void check_thrashing(const struct doctor *doctor, struct finding *finding)
{
	const struct mural_stats *stats = &doctor->stats;
	if (doctor->connected < 0) {
		finding_set(finding, FINDING_OK, "none is running, nothing to tell");
		return;
	}
	bool thrashing =
		stats->decodes >= THRASHING_DECODES && stats->redecodes > stats->decodes / 2;
	finding_set(finding, thrashing ? FINDING_NOTE : FINDING_OK,
		"%" PRIu64 " of %" PRIu64 " decodes were of something thrown away",
		stats->redecodes, stats->decodes);
	if (thrashing)
		finding_advise(finding, "the pool is too small for what is shown: a larger "
					"--budget, or more memory for its group");
}
