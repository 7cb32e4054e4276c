/* See oom_log.h. A report is many records: what the group has, line by line, then which group it
 * was, then who was killed. */
#include "oom_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECORD_MAX 2048
#define KIB 1024u

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* "level,number,microseconds,flags;text", and lines of attributes that nobody needs. */
static bool next_record(int fd, char record[RECORD_MAX], int64_t *ret_ns, const char **ret_text)
{
	for (;;) {
		unsigned long long us;
		ssize_t got = read(fd, record, RECORD_MAX - 1);
		if (got < 0 && (errno == EPIPE || errno == EINTR)) /* some were overwritten */
			continue;
		if (got <= 0)
			return false;
		record[got] = '\0';
		char *text = strchr(record, ';');
		if (!text || sscanf(record, "%*u,%*u,%llu", &us) != 1)
			continue;
		text++;
		text[strcspn(text, "\n")] = '\0';
		*ret_ns = (int64_t)us * 1000;
		*ret_text = text;
		return true;
	}
}

/* True: @fd stands behind our mark now. */
static bool set_clock(struct oom_log *log)
{
	char mark[64], record[RECORD_MAX];
	const char *text;
	int64_t ns;
	uint64_t at_ns = now_ns();
	/* Without its end a line is not told to readers before the next begins. */
	int length = snprintf(mark, sizeof(mark), "purge_survival %d: %llu\n", (int)getpid(),
		(unsigned long long)at_ns);
	if (write(log->fd, mark, (size_t)length) != length)
		return false;
	mark[length - 1] = '\0';
	while (next_record(log->fd, record, &ns, &text)) {
		if (strcmp(text, mark) == 0) {
			log->ahead_ns = ns - (int64_t)at_ns;
			return true;
		}
	}
	return false;
}

void oom_log_open(struct oom_log *ret)
{
	*ret = (struct oom_log){.fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
	if (ret->fd >= 0 && (lseek(ret->fd, 0, SEEK_END) < 0 || !set_clock(ret)))
		oom_log_close(ret);
}

void oom_log_close(struct oom_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

static uint64_t number_behind(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static bool begins(const char *text, const char *key)
{
	return strncmp(text, key, strlen(key)) == 0;
}

/* "oom_memcg=/…/NAME," */
static bool names_group(const char *text, const struct group *group)
{
	char key[300];
	snprintf(key, sizeof(key), "%s,", strrchr(group->path, '/'));
	const char *memcg = strstr(text, "oom_memcg=");
	const char *name = memcg ? strstr(memcg, key) : NULL;
	return name && !memchr(memcg, ',', (size_t)(name - memcg));
}

static void note_memory(struct oom_log *log, const char *text)
{
	text += *text == ' ';
	if (begins(text, "rss ") || begins(text, "anon ")) /* version 1, 2 */
		log->private_bytes = number_behind(text, " ");
	else if (begins(text, "shmem "))
		log->shared_bytes = number_behind(text, " ");
}

static bool is_kill(const char *text, struct oom_kill *ret)
{
	const char *killed = strstr(text, "Killed process ");
	if (!killed || sscanf(killed, "Killed process %d (%31[^)])", &ret->pid, ret->name) != 2)
		return false;
	ret->victim_bytes = number_behind(killed, "anon-rss:") * KIB;
	return true;
}

bool oom_log_next(struct oom_log *log, const struct group *group, struct oom_kill *ret)
{
	char record[RECORD_MAX];
	const char *text;
	int64_t ns;
	while (log->fd >= 0 && next_record(log->fd, record, &ns, &text)) {
		struct oom_kill kill = {0};
		note_memory(log, text);
		if (begins(text, "oom-kill:"))
			log->ours = names_group(text, group);
		if (!is_kill(text, &kill))
			continue;
		bool ours = log->ours;
		kill.ns = (uint64_t)(ns - log->ahead_ns);
		kill.private_bytes = log->private_bytes;
		kill.shared_bytes = log->shared_bytes;
		log->ours = false;
		if (!ours)
			continue;
		*ret = kill;
		return true;
	}
	return false;
}
