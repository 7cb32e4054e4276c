/* pool/pressure/source.h - one thing that tells of memory running short. Each kind is a file of its
 * own behind this interface: numbers that are read at every look, an event that is waited for, or
 * an event with the numbers to read when it has come. */
#ifndef POOL_PRESSURE_SOURCE_H
#define POOL_PRESSURE_SOURCE_H

#include <mural/mural_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCES_MAX 64
#define SOURCE_NAME_MAX 192
#define SOURCE_FDS 7

/* What can still be allocated before @limit: @left at once, @cache more when page cache is dropped.
 */
struct reading {
	uint64_t limit, left, cache; /* limit UINT64_MAX: none, and nothing else is set */
};

/* What an event says. Kernels drop page cache before they kill, so it counts as headroom; but who
 * is told that dropping it goes badly must not count on it. */
enum source_event {
	EVENT_GONE = -1, /* the source has ended */
	EVENT_NOTHING,   /* spurious */
	EVENT_LOOK,      /* something changed: the numbers decide */
	EVENT_HARD,      /* reclaim is hard: half of the page cache counts */
	EVENT_STALL,     /* reclaim fails or holds programs up: no page cache counts */
};

struct source;
struct group_numbers;

struct source_kind {
	uint32_t watch; /* enum mural_watch */
	bool polled;    /* its numbers are read at every look; else only after its event, and until
			   all is well again */
	/* False: they can no longer be read.
	 * @precise_below: cache is wanted only when less is left than this; it costs more. */
	bool (*read)(const struct source *source, uint64_t precise_below, struct reading *ret);
	/* Takes the event from the descriptor. NULL: there is none. */
	enum source_event (*event)(struct source *source, uint64_t now_ns);
	/* After each look: what is waited for may have to change. False: it is of no use any more.
	 * NULL: nothing to do. */
	bool (*after)(struct source *source, uint64_t now_ns);
};

struct source {
	const struct source_kind *kind;
	char name[SOURCE_NAME_MAX]; /* for a person */
	int fds[SOURCE_FDS]; /* which is which is the kind's own business; -1: none. Closed with the
				source */
	struct group_numbers *numbers; /* a reference; NULL: not of a group */
	int event_fd;                  /* one of them, to be watched; -1: none */
	uint32_t event_mask;           /* EPOLLIN or EPOLLPRI */
	uint64_t state[4];             /* the kind's own */

	/* pressure.c's */
	int watched_fd;     /* what it has put into its epoll set; -1 */
	uint32_t signalled; /* what the epoll set said of it last, not yet dealt with */
	bool awake;         /* not polled, but read at the next look */
	enum source_event told;
	enum mural_pressure level;
};

/* A source with no descriptors yet; NULL: no memory. */
struct source *source_new(const struct source_kind *kind, const char *name);
/* Closes its descriptors, and lets its group's numbers go. NULL is fine. */
void source_free(struct source *source);

/* Where to look for the files, and where to put what is found. */
struct source_list {
	const char *root; /* before each path: "" but for tests */
	uint32_t wanted;  /* enum mural_watch: no others are added */
	unsigned count;
	struct source *source[SOURCES_MAX];
};

/* Appends it, or frees it when there is no room, or it is NULL. */
void source_add(struct source_list *list, struct source *source);

void source_add_meminfo(struct source_list *list);
void source_add_psi(struct source_list *list);

/* Numbers of the machine: opens fds[0]. */
bool meminfo_open(const char *root, struct source *source);
bool meminfo_read(const struct source *source, uint64_t precise_below, struct reading *ret);

/* The files with a group's numbers, open, for all sources of that group: on a machine without
 * limits most of an idle look was each of them reading the same limits. */
struct group_numbers {
	unsigned references;
	int usage, max, high, stat; /* -1: there is none */
	bool limit_known;           /* false: to be read again */
	uint64_t limit;             /* the lower of its limits; UINT64_MAX: none */
};

/* A control group with a memory controller. */
struct group {
	bool v2;
	const char *folder; /* the path of its files */
	const char *name;   /* "/a/b" */
	struct group_numbers *numbers;
};

/* What /proc/self/cgroup says; @fd is that file, open. The caller frees it. NULL: can not be read.
 */
char *group_text(int fd);
/* Calls @each for the groups that @text names, and all above them, from the inside out; those that
 * have no usage are passed over. */
void group_walk(const char *root, const char *text,
	void (*each)(const struct group *group, struct source_list *list),
	struct source_list *list);

void group_numbers_unref(struct group_numbers *numbers);
/* A source of @group with a reference to its numbers; NULL: no memory. */
struct source *group_source_new(
	const struct source_kind *kind, const char *name, const struct group *group);
/* The lower of its limits; UINT64_MAX: none. False: the group has gone. It is read once for all
 * sources of the group, until it is forgotten. */
bool group_limit(const struct source *source, uint64_t *ret);
void group_forget_limit(struct source *source);
bool group_read(const struct source *source, uint64_t precise_below, struct reading *ret);

/* For the kinds that have events: what is waited for, what it was asked of, what for. */
enum {
	GROUP_EVENT = 1, /* behind meminfo_open's */
	GROUP_CONTROL,
	GROUP_WATCHED,
	GROUP_OTHERS,
};

void source_add_group(const struct group *group, struct source_list *list);
void source_add_thresholds(const struct group *group, struct source_list *list);
void source_add_pressure_level(const struct group *group, struct source_list *list);
void source_add_events(const struct group *group, struct source_list *list);
void source_add_group_psi(const struct group *group, struct source_list *list);

/* How much of a limit is to be kept free (pressure.c). */
uint64_t low_water(uint64_t limit);

/* Small kernel files, read from the start each time, NUL-terminated; false on an error or an empty
 * file. */
bool source_pread(int fd, char *text, size_t size);
/* The number after @key at the start of a line. */
bool source_field(const char *text, const char *key, uint64_t *ret);
/* @folder/@name; -1. */
int source_open(const char *folder, const char *name, int flags);

#endif
