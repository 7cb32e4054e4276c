/* Folders are watched, not files: most programs write another file and rename it over the old one,
 * whose watch would go with it. In the place of a folder that is not there, the nearest one above
 * it is watched for what is made in it. */
#include "viewer/follow.h"

#include "viewer/folder.h"
#include "viewer/list.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

/* The folder may come while what is above it is looked for; whoever makes and removes it all the
 * time does not keep us. */
#define TRIES 8

#define MASK_ALWAYS (IN_ONLYDIR | IN_MASK_ADD | IN_MOVED_TO | IN_MOVE_SELF)
#define MASK_THERE (IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM)

struct followed {
	char *folder; /* owned; NULL: this place is free */
	size_t hash;  /* of folder: a tree may have many more than are followed */
	int watch;    /* -1: none */
	unsigned flags;
	unsigned depth; /* below one that is DEEP, in which it was found; 0: it was not */
	bool absent;    /* @watch is of a folder above it */
	bool retry;     /* what @watch is of has to be found out anew */
	bool stale;     /* has to be looked through */
	bool doubt;     /* with stale: what was in it may be gone */
};

struct follow {
	int fd;
	/* The first is the shown picture's, where it is none of the others. */
	struct followed folders[1 + FOLLOW_MAX];
	size_t count;     /* at most; at least 1 */
	size_t used;      /* of them, without the first */
	bool any_stale;   /* some may be */
	DIR *dir;         /* being looked through */
	size_t dir_place; /* in folders */
};

int follow_create(struct follow **ret)
{
	struct follow *follow = calloc(1, sizeof(*follow));
	if (!follow)
		return -ENOMEM;
	follow->count = 1;
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
	for (size_t i = 0; i < follow->count; i++)
		free(follow->folders[i].folder);
	folder_close_p(&follow->dir);
	close(follow->fd);
	free(follow);
}

int follow_fd(const struct follow *follow)
{
	return follow->fd;
}

/* ---- watches ---- */

/* Several names may lead to one folder, and share its watch. */
static void release(struct follow *follow, struct followed *folder)
{
	int watch = folder->watch;
	folder->watch = -1;
	for (size_t i = 0; i < follow->count; i++)
		if (follow->folders[i].folder && follow->folders[i].watch == watch)
			return;
	if (watch >= 0)
		inotify_rm_watch(follow->fd, watch);
}

static void forget(struct follow *follow, struct followed *folder)
{
	release(follow, folder);
	if (follow->dir && follow->dir_place == (size_t)(folder - follow->folders))
		folder_close_p(&follow->dir);
	if (folder->folder && folder != follow->folders)
		follow->used--;
	free(folder->folder);
	*folder = (struct followed){.watch = -1};
}

static int add_watch(const struct follow *follow, const char *path, size_t length, uint32_t mask)
{
	CLEANUP(free_p) char *part = length ? strndup(path, length) : strdup(".");
	return part ? inotify_add_watch(follow->fd, part, MASK_ALWAYS | mask) : -1;
}

/* How much of a folder's name is that of the one above it; that of "/" and of "" is itself. */
static size_t above(const char *folder, size_t length)
{
	if (length <= 1)
		return folder[0] == '/' ? length : 0;
	while (length > 1 && folder[length - 2] != '/')
		length--;
	return length - 1;
}

/* Watches it, or what is above it. True: is there a folder by now of which that was said not to be?
 */
static bool try_watch(struct follow *follow, struct followed *folder)
{
	const char *name = folder->folder;
	size_t whole = strlen(name), length = whole, missing = whole;
	int found = add_watch(
		follow, name, length, MASK_THERE | (folder->flags & FOLLOW_DEEP ? IN_CREATE : 0));
	while (found < 0 && (errno == ENOENT || errno == ENOTDIR) && above(name, length) < length) {
		missing = length;
		length = above(name, length);
		found = add_watch(follow, name, length, IN_CREATE);
	}
	if (found != folder->watch)
		release(follow, folder);
	folder->watch = found;
	folder->absent = length < whole;
	if (!folder->absent)
		return false;
	CLEANUP(free_p) char *part = strndup(name, missing);
	return part && folder_is(part);
}

/* -1: none. */
static int own_watch(const struct followed *folder)
{
	return folder->absent ? -1 : folder->watch;
}

/* What the watch that it had would still have told is not heeded any more. */
static void watch(struct follow *follow, struct followed *folder)
{
	int tries = TRIES, before = own_watch(folder);
	folder->retry = false;
	while (try_watch(follow, folder) && --tries > 0)
		;
	if (before >= 0 && own_watch(folder) != before)
		folder->stale = folder->doubt = follow->any_stale = true;
}

/* Its like is seen to come by the folder that it was found in. What is stale is told of before. */
static void forget_vain(struct follow *follow, struct followed *folder)
{
	if (folder->depth > 0 && !folder->stale && (folder->absent || folder->watch < 0))
		forget(follow, folder);
}

/* Watches it again; when that is another folder than before, nothing is known of it. */
static void watch_again(struct follow *follow, struct followed *folder)
{
	int before = own_watch(folder);
	watch(follow, folder);
	if (own_watch(folder) >= 0 && own_watch(folder) != before)
		folder->stale = follow->any_stale = true;
	else
		forget_vain(follow, folder);
}

static void retry_all(struct follow *follow)
{
	for (size_t i = 0; i < follow->count; i++)
		if (follow->folders[i].folder && follow->folders[i].retry)
			watch_again(follow, &follow->folders[i]);
}

/* ---- what is followed ---- */

static struct followed *find(struct follow *follow, const char *name)
{
	size_t hash = folder_hash(name);
	for (size_t i = 0; i < follow->count; i++) {
		struct followed *folder = &follow->folders[i];
		if (folder->folder && folder->hash == hash && strcmp(folder->folder, name) == 0)
			return folder;
	}
	return NULL;
}

/* NULL: there are FOLLOW_MAX. */
static struct followed *free_place(struct follow *follow)
{
	if (follow->used == FOLLOW_MAX)
		return NULL;
	for (size_t i = 1; i < follow->count; i++)
		if (!follow->folders[i].folder)
			return &follow->folders[i];
	return &follow->folders[follow->count++];
}

static void take(struct follow *follow, struct followed *place, const char *name, unsigned flags)
{
	*place = (struct followed){
		.folder = strdup(name),
		.hash = folder_hash(name),
		.watch = -1,
		.flags = flags,
	};
	if (!place->folder)
		return;
	if (place != follow->folders)
		follow->used++;
	watch(follow, place);
}

/* NULL: there is no room for it. */
static struct followed *add(struct follow *follow, const char *name, unsigned flags, unsigned depth)
{
	struct followed *place = find(follow, name);
	if (place == &follow->folders[0]) {
		forget(follow, place);
		place = NULL;
	}
	if (place) {
		place->flags |= flags;
		watch(follow, place);
	} else {
		place = free_place(follow);
		if (place)
			take(follow, place, name, flags);
		if (!place || !place->folder)
			return NULL;
	}
	place->depth = (unsigned)max_u64(place->depth, depth);
	return place;
}

void follow_folder(struct follow *follow, const char *folder, unsigned flags, unsigned depth)
{
	struct followed *added = add(follow, folder, flags, depth);
	if (added)
		forget_vain(follow, added);
}

void follow_shown(struct follow *follow, const char *path)
{
	CLEANUP(free_p) char *folder = folder_of(path);
	struct followed *found = folder ? find(follow, folder) : NULL;
	if (found) {
		/* Another may have taken its place unseen, where somebody keeps the old one open,
		 * or mounts something over it. */
		watch_again(follow, found);
		return;
	}
	if (!folder)
		return;
	forget(follow, &follow->folders[0]);
	take(follow, &follow->folders[0], folder, 0);
}

/* A folder that came into one that is DEEP: whatever was put into it meanwhile is looked for, also
 * where it can not be watched. There may have been one of its name, and it may be gone by now. */
static void follow_inner(struct follow *follow, const struct followed *outer, const char *name)
{
	char *path;
	if (outer->depth >= LIST_DEPTH_MAX || asprintf(&path, "%s%s/", outer->folder, name) < 0)
		return;
	struct followed *inner = add(follow, path, outer->flags, outer->depth + 1);
	if (inner)
		inner->stale = inner->doubt = follow->any_stale = true;
	free(path);
}

/* ---- what is told ---- */

static void tell(const struct followed *folder, const char *name, enum follow_news news,
	follow_fn *fn, void *user)
{
	char *path;
	if (asprintf(&path, "%s%s", folder->folder, name) < 0)
		return;
	fn(user, path, news, folder->flags & FOLLOW_GROWS);
	free(path);
}

/* What is in a folder goes with it, and the kernel says nothing of that; what happened since, while
 * it may have been away and come back, is not heeded. */
static void retry_below(struct follow *follow, const char *name)
{
	size_t length = strlen(name);
	for (size_t i = 0; i < follow->count; i++) {
		struct followed *folder = &follow->folders[i];
		if (folder->folder && strncmp(folder->folder, name, length) == 0)
			folder->retry = folder->stale = folder->doubt = follow->any_stale = true;
	}
}

/* An event of what @folder watches. */
static void heed(struct follow *follow, struct followed *folder, const struct inotify_event *event,
	follow_fn *fn, void *user)
{
	bool came = event->mask & (IN_CREATE | IN_MOVED_TO), inner = event->mask & IN_ISDIR;
	if (event->mask & IN_UNMOUNT)
		folder->watch =
			-1; /* looking for it would mount it again, where that is automatic */
	else if (event->mask & (IN_IGNORED | IN_MOVE_SELF))
		retry_below(follow, folder->folder);
	else if (folder->absent)
		folder->retry |= came;
	else if (event->len == 0 || folder->retry)
		return; /* of one that has been moved away, when it is to be retried */
	else if (inner && came && folder->flags & FOLLOW_DEEP && event->name[0] != '.')
		follow_inner(follow, folder, event->name);
	else if (!inner && event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
		tell(folder, event->name, FOLLOW_CAME, fn, user);
	else if (!inner && event->mask & (IN_DELETE | IN_MOVED_FROM))
		tell(folder, event->name, FOLLOW_GONE, fn, user);
}

static void heed_all(
	struct follow *follow, const struct inotify_event *event, follow_fn *fn, void *user)
{
	bool lost = event->mask & IN_Q_OVERFLOW;
	follow->any_stale |= lost;
	/* What is added on the way has another watch. */
	for (size_t i = 0, count = follow->count; i < count; i++) {
		struct followed *folder = &follow->folders[i];
		if (!folder->folder)
			continue;
		/* Of one without a watch nothing is told; it may have been unmounted. */
		if (lost && folder->watch >= 0)
			folder->stale = folder->doubt = folder->retry = true;
		if (folder->watch == event->wd)
			heed(follow, folder, event, fn, user);
	}
}

static void read_events(struct follow *follow, follow_fn *fn, void *user)
{
	char events[FOLLOW_STEP * sizeof(struct inotify_event)]
		__attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t size = read(follow->fd, events, sizeof(events));
	const struct inotify_event *event;
	for (const char *at = events; at < events + size; at += sizeof(*event) + event->len) {
		event = (const void *)at;
		heed_all(follow, event, fn, user);
	}
	if (size > 0)
		retry_all(follow);
}

/* One at a time: whoever is told may have to look at many files. */
static void open_next_stale(struct follow *follow, follow_fn *fn, void *user)
{
	size_t i = 0;
	while (i < follow->count && !(follow->folders[i].folder && follow->folders[i].stale))
		i++;
	follow->any_stale = i < follow->count;
	if (!follow->any_stale)
		return;
	struct followed *folder = &follow->folders[i];
	if (folder->doubt)
		tell(folder, "", FOLLOW_DOUBT, fn, user);
	folder->stale = folder->doubt = false;
	if (!folder->absent)
		follow->dir = folder_open(folder->folder);
	follow->dir_place = i;
	if (!follow->dir)
		forget_vain(follow, folder);
}

static void look_at(struct follow *follow, const struct followed *folder,
	const struct dirent *entry, follow_fn *fn, void *user)
{
	enum folder_kind kind = folder_kind(follow->dir, entry);
	if (kind == FOLDER_FILE)
		tell(folder, entry->d_name, FOLLOW_CAME, fn, user);
	else if (kind == FOLDER_FOLDER && folder->flags & FOLLOW_DEEP && entry->d_name[0] != '.')
		follow_inner(follow, folder, entry->d_name);
}

static void look_through(struct follow *follow, follow_fn *fn, void *user)
{
	if (!follow->dir)
		open_next_stale(follow, fn, user);
	struct followed *folder = &follow->folders[follow->dir_place];
	for (int i = 0; i < FOLLOW_STEP && follow->dir; i++) {
		const struct dirent *entry = readdir(follow->dir);
		if (entry) {
			look_at(follow, folder, entry, fn, user);
		} else {
			folder_close_p(&follow->dir);
			forget_vain(follow, folder);
		}
	}
}

void follow_read(struct follow *follow, follow_fn *fn, void *user)
{
	read_events(follow, fn, user);
	if (follow->any_stale)
		look_through(follow, fn, user);
}

bool follow_pending(const struct follow *follow)
{
	return follow->any_stale;
}
