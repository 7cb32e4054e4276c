/* The folder is watched, not the file: most programs write another file and rename it over the old
 * one, whose watch would go with it. */
#include "viewer/follow.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

struct follow {
	int fd;
	int watch;    /* -1: none */
	char *folder; /* with the slash behind it, or "" */
};

int follow_create(struct follow **ret)
{
	struct follow *follow = calloc(1, sizeof(*follow));
	if (!follow)
		return -ENOMEM;
	follow->watch = -1;
	follow->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (follow->fd < 0) {
		int error = errno;
		free(follow);
		return -error;
	}
	*ret = follow;
	return 0;
}

void follow_destroy(struct follow *follow)
{
	if (!follow)
		return;
	close(follow->fd);
	free(follow->folder);
	free(follow);
}

int follow_fd(const struct follow *follow)
{
	return follow->fd;
}

static size_t folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) + 1 : 0;
}

void follow_folder_of(struct follow *follow, const char *path)
{
	size_t length = folder_length(path);
	if (follow->folder && strlen(follow->folder) == length &&
		memcmp(follow->folder, path, length) == 0)
		return;
	if (follow->watch >= 0)
		inotify_rm_watch(follow->fd, follow->watch);
	free(follow->folder);
	follow->watch = -1;
	follow->folder = strndup(path, length);
	if (follow->folder)
		follow->watch = inotify_add_watch(follow->fd, length ? follow->folder : ".",
			IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
}

static void tell(const struct follow *follow, const struct inotify_event *event,
	void (*fn)(void *user, const char *path), void *user)
{
	char *path;
	if (event->wd != follow->watch || event->len == 0 || event->mask & IN_ISDIR)
		return; /* of the folder before, or lost for want of room: then nothing is known */
	if (asprintf(&path, "%s%s", follow->folder, event->name) < 0)
		return;
	fn(user, path);
	free(path);
}

void follow_read(struct follow *follow, void (*fn)(void *user, const char *path), void *user)
{
	char events[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t size;
	while ((size = read(follow->fd, events, sizeof(events))) > 0) {
		const struct inotify_event *event;
		for (const char *at = events; at < events + size;
			at += sizeof(*event) + event->len) {
			event = (const void *)at;
			tell(follow, event, fn, user);
		}
	}
}
