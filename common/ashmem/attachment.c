/* The table of attachments, and which mappings keep them. */
#include "common/ashmem/attachment.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#define BUCKETS 1024
#define OWNER_ONLY 0600 /* the mode of a region of which no read-only descriptor was made */

struct mapping {
	struct mapping *next;
	struct attachment *attachment;
	uintptr_t start;
	size_t length;
	size_t left; /* bytes of it not yet unmapped */
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct attachment *table[BUCKETS];
static struct mapping *mappings; /* youngest first: they are few, and come and go in pairs */

/* A child must not inherit the lock from a thread that it has not got. */
static void before_fork(void)
{
	pthread_mutex_lock(&table_lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&table_lock);
}

__attribute__((constructor)) static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

static struct attachment **bucket_of(ino_t ino)
{
	return &table[ino % BUCKETS];
}

static struct attachment *lookup(const struct stat *st)
{
	struct attachment *at = *bucket_of(st->st_ino);
	while (at && (at->region.ino != st->st_ino || at->region.dev != st->st_dev))
		at = at->next;
	return at;
}

/* What a writable descriptor has mapped is not for one that can only read. */
static bool may_write(int fd, const struct stat *st)
{
	return (st->st_mode & 0777) == OWNER_ONLY || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

struct attachment *attachment_find(int fd, const struct stat *st)
{
	pthread_mutex_lock(&table_lock);
	struct attachment *found = lookup(st);
	if (found)
		found->users++;
	pthread_mutex_unlock(&table_lock);
	if (found && !may_write(fd, st)) {
		attachment_put(found);
		return NULL;
	}
	return found;
}

/* Enters @fresh, unless another thread has been faster. */
static struct attachment *enter(struct attachment *fresh, const struct stat *st)
{
	pthread_mutex_lock(&table_lock);
	struct attachment *entered = lookup(st);
	if (!entered) {
		struct attachment **bucket = bucket_of(st->st_ino);
		fresh->next = *bucket;
		*bucket = fresh;
		entered = fresh;
	}
	entered->users++;
	pthread_mutex_unlock(&table_lock);
	return entered;
}

int attachment_get(int fd, const struct stat *st, struct attachment **ret)
{
	struct attachment *found = attachment_find(fd, st);
	if (!found) {
		struct attachment *fresh = calloc(1, sizeof(*fresh));
		if (!fresh)
			return -ENOMEM;
		int r = ashmem_region_map(fd, st, &fresh->region);
		if (r < 0) {
			free(fresh);
			return r;
		}
		found = enter(fresh, st);
		if (found != fresh) {
			ashmem_region_unmap(&fresh->region);
			free(fresh);
		}
	}
	*ret = found;
	return 0;
}

static void put_locked(struct attachment *attachment)
{
	if (--attachment->users > 0)
		return;
	struct attachment **link = bucket_of(attachment->region.ino);
	while (*link != attachment)
		link = &(*link)->next;
	*link = attachment->next;
	ashmem_region_unmap(&attachment->region);
	free(attachment);
}

void attachment_put(struct attachment *attachment)
{
	pthread_mutex_lock(&table_lock);
	put_locked(attachment);
	pthread_mutex_unlock(&table_lock);
}

void attachment_note_mapping(struct attachment *attachment, void *at, size_t length)
{
	struct mapping *mapping = malloc(sizeof(*mapping));
	pthread_mutex_lock(&table_lock);
	if (mapping) {
		*mapping = (struct mapping){mappings, attachment, (uintptr_t)at, length, length};
		mappings = mapping;
	} else {
		put_locked(attachment);
	}
	pthread_mutex_unlock(&table_lock);
}

void attachment_forget_mapping(void *at, size_t length)
{
	uintptr_t start = (uintptr_t)at, end = start + length;
	pthread_mutex_lock(&table_lock);
	for (struct mapping **link = &mappings, *mapping; (mapping = *link);) {
		uint64_t from = max_u64(start, mapping->start);
		uint64_t to = min_u64(end, mapping->start + mapping->length);
		if (from < to)
			mapping->left -= min_u64(mapping->left, to - from);
		if (mapping->left > 0) {
			link = &mapping->next;
			continue;
		}
		*link = mapping->next;
		put_locked(mapping->attachment);
		free(mapping);
	}
	pthread_mutex_unlock(&table_lock);
}
