/* producer/server/parts.h - what the producer's parts share: sessions, requests, cache entries, and
 * the server that owns them.
 *
 *     session.c   a consumer's connection: messages in, messages out, quotas, how it ends
 *     request.c   one request from its message to its one answer
 *     cache.c     which bitmap is which file at which size: entries by key
 *     decode.h    an entry's way to pixels: probe, room, decode, verify, publish
 *     memory.c    the machine's memory: what is given back, and how many decoders it allows
 *     server.c    start, the loop, statistics, the end
 *
 * One thread. Nothing is freed in the middle of a message: a session that has to go is marked
 * doomed and ended at the end of the turn. */
#ifndef PRODUCER_SERVER_PARTS_H
#define PRODUCER_SERVER_PARTS_H

#include "common/list.h"
#include "common/protocol.h"
#include "files.h"
#include "hash.h"
#include "loop.h"
#include "pool/pool.h"
#include "pool/pressure.h"
#include "producer/nursery.h"
#include "producer/server.h"

#include <sys/types.h>

#define SESSION_REQUESTS_MAX 1024u
#define SESSION_UNSENT_MAX ((size_t)1 << 20)
#define SESSIONS_MAX 4096u
#define PRIORITIES 3

/* ---- a consumer ---- */

struct outgoing; /* a queued message */

struct session {
	struct list node; /* in server.sessions */
	struct server *server;
	struct loop_watch socket, death;
	int fd, pidfd;
	pid_t pid;
	uid_t uid;
	char name[32];
	struct pool_holder *holder; /* NULL until HELLO */
	struct hash requests;       /* in flight, by serial */
	struct hash regions;        /* told, by id */
	struct hash slots;          /* told, by number, with how often */
	struct list unsent;
	size_t unsent_bytes;
	bool misbehaves; /* its board makes no sense: to be dropped at the end of the turn */
	bool doomed;     /* peer has gone: to be freed at the end of the turn */
	bool dropped;    /* we have ended it; its board stays until the peer hangs up */
};

int session_create(struct server *server, int fd);
/* Frees it and gives back all it held. */
void session_destroy(struct session *session);
/* Sends or queues; borrows the descriptors. A peer that does not read ends its own session.
 * 0; -EMFILE, -ENFILE: it has to be queued with its descriptors, and there are none left for that;
 * without any it can not fail. */
int session_send(
	struct session *session, const void *message, size_t size, const int *fds, size_t count);
/* Ends a session by our decision: FAREWELL, all requests cancelled; its pins count until the peer
 * hangs up. */
void session_drop(struct session *session, int error, const char *reason);
/* Hands a bitmap over: sends @ready, which says all but where @slot lies, with the region's
 * descriptor when this consumer does not know it yet. From now on the pool looks at its board for
 * the slot; @grant: as pool_tell. -ENOMEM, -EMFILE, -EACCES, … : nothing was told. */
int session_hand_over(
	struct session *session, struct pool_slot *slot, bool grant, struct protocol_ready *ready);
void session_region_gone(struct session *session, uint64_t region);
/* Tries to send again what the kernel refused for lack of something. */
void session_retry(struct session *session);

/* ---- a request ---- */

struct entry;

struct request {
	struct hash_node in_session; /* by serial */
	struct list in_entry;
	struct session *session;
	struct entry *entry;        /* NULL while the source is looked at */
	struct file_ticket *ticket; /* while the source is looked at */
	struct protocol_request wanted;
};

/* It waits for @entry, with others; or for none (NULL), of which that is not told. */
void request_wait_for(struct request *request, struct entry *entry);
/* Takes @fd. Where it is -errno the descriptor was lost on its way: that is the answer. */
void request_start(struct session *session, const struct protocol_request *wanted, int fd);
/* The one answer of a request; frees it. */
void request_fail(struct request *request, int error, enum mural_reason reason, const char *text);
void request_ready(struct request *request, struct entry *entry);
/* Ends it without an answer (the session is gone). */
void request_discard(struct request *request);
void request_cancel(struct request *request);
void request_set_priority(struct request *request, uint32_t priority);
struct request *request_find(const struct session *session, uint32_t serial);
/* The answer to a request that was refused before it became one. */
void request_refuse(struct session *session, uint32_t serial, int error, enum mural_reason reason,
	const char *text);

/* ---- the cache ---- */

struct cache_key {
	struct protocol_identity identity;
	uint32_t format;
	uint32_t flags;         /* PROTOCOL_AS_STORED, _ALLOW_PARTIAL, _PREVIEW */
	uint32_t width, height; /* exact: of the bitmap; else the box */
	uint32_t exact;
	uint32_t reserved;
};

enum entry_stage {
	ENTRY_PROBE,  /* waits for a decoder that reads the header, or is with one; it may decode at
			 once what is small */
	ENTRY_ROOM,   /* size known, the pool is full */
	ENTRY_DECODE, /* slot FILLING: waits for a decoder, or is with one */
	ENTRY_VERIFY, /* decoded: is the file still the same? */
	ENTRY_CACHED, /* READY, IDLE or PURGED: ask the pool */
};

/* What waits for a decoder, by what it needs besides: of one kind and priority the oldest comes
 * first, and none before it. */
enum queue_kind {
	QUEUE_PROBES,   /* nothing: a header is quick to read */
	QUEUE_STRAIGHT, /* a decoder's place, for a probe that goes straight on */
	QUEUE_DECODES,  /* a decoder's place */
	QUEUE_PREVIEWS, /* the same, or one more: coarse pictures to be seen */
	QUEUES,
};

enum entry_kill {
	ENTRY_ALIVE,
	ENTRY_KILLED_LATE,     /* over its time */
	ENTRY_KILLED_UNWANTED, /* nobody waits any more, or it gives way */
};

struct entry {
	struct server *server;
	struct hash_node node;
	struct cache_key key;
	uint32_t box_width, box_height; /* as first asked: fitting into the exact size again could
					   round differently */
	enum entry_stage stage;
	struct list requests;         /* who waits, */
	uint32_t waiting[PRIORITIES]; /* how many with each priority, */
	uint32_t patient;             /* and how many would wait for room, too */
	struct list queue;            /* in one of server.queued, .roomless or .aside */
	struct list running_node;     /* in server.running */
	struct pool_slot *slot;
	uint64_t
		straight_bytes; /* of scratch memory, to go straight on from the probe; 0: not to */
	/* Where its decoder writes a small bitmap: the entry's until that has a job, and then the
	 * decoder's, which has it until it has gone. NULL again when the job is finished. */
	struct pool_scratch *scratch;
	int source_fd; /* while waiting or decoding */
	struct worker *worker;
	uint32_t helpers; /* threads that it was given */
	enum entry_kill kill;
	bool given_again; /* its decoder was killed by somebody else: this is the second */
	uint64_t started_ns, deadline_ns; /* of the worker, without the time that it was halted; of
					     one that was killed: when it should have gone */
	uint64_t halted_ns;               /* since when it is, to give way; 0: it is not */
	uint32_t waits;      /* looks in a row that found it idle: its file does not come */
	bool hangs;          /* they are many: others do not wait for it */
	uint64_t cpu_ns;     /* of its decoder, when that was last watched; 0: not yet */
	bool has_taken_room; /* of prefetches, waiting for some */
	struct file_ticket *ticket;
	uint32_t priority;       /* the highest of those who wait */
	uint64_t order;          /* first come, first served */
	struct job_result facts; /* from the probe, then from the decode */
	bool again;              /* this decode brings back what was purged */
	uint64_t cost_ns;        /* of the decode: the decoder's processor time */
};

/* A decoder that was killed and does not go, as one does not whose file lies on a dead mount. It
 * takes no place, nobody waits for it, and what it may write is nobody else's for as long as it is
 * there. */
struct stray {
	struct list node; /* in server.strays */
	uint64_t device;  /* its file's; 0: it had read all of that, and answered */
	uint64_t since_ns;
	struct pool_scratch *scratch; /* what it may write; NULL: nothing */
};

int cache_init(struct server *server);
void cache_fini(struct server *server);
/* The entry of what is asked for, made when there is none. NULL: no memory. */
struct entry *cache_entry(struct server *server, const struct protocol_identity *identity,
	const struct protocol_request *wanted);
/* The size is known now: the entry moves to its exact key. Returns the entry that stands there
 * already, or @entry. */
struct entry *cache_settle(struct server *server, struct entry *entry);
void cache_forget(struct server *server, struct entry *entry);

/* ---- decoding ---- */

/* A request joins an entry: answered at once when the bitmap is there. True: @fd was taken; false:
 * it is the caller's to close. */
bool decode_want(struct server *server, struct entry *entry, struct request *request, int fd);
/* After somebody left or changed its mind. */
void decode_reconsider(struct server *server, struct entry *entry);
/* Decoders may have become free, or the cores of those that have been killed. */
void decode_schedule(struct server *server);
/* Room may have become free. */
void decode_room(struct server *server);
/* Memory is short: kills what is decoded ahead while something more urgent runs, to be queued
 * again; only what stands still, or all of it. Was there any? */
bool decode_give_up_spare(struct server *server, bool running_too);
/* Is there any? */
bool decode_has_spare(const struct server *server);
/* Have some been killed that have not gone yet? */
bool decode_is_leaving(const struct server *server);
void decode_tick(struct server *server, uint64_t now_ns);
uint64_t decode_deadline(const struct server *server);
/* nursery_events.finished and gone */
void decode_finished(struct worker *worker, void *entry, bool answered,
	const struct job_result *result, int signal, void *server);
void decode_gone(void *scratch, void *server);
/* nursery_events.stays and left */
void job_stays(struct worker *worker, void *scratch, void *server);
void job_left(void *stray, void *server);
/* pool_events.forgotten */
void decode_slot_forgotten(struct pool_slot *slot, void *server);

/* ---- the machine's memory ---- */

struct memory {
	struct pressure *pressure;
	struct loop_watch watch;       /* of its events */
	struct pressure_advice advice; /* of the last look */
	uint64_t looked_ns, look_ns;   /* that look; the next */
	uint64_t owed_bytes;           /* still to be given back for an event */
	uint64_t freed_bytes;          /* since the start */
	uint64_t gave_up_ns;           /* when decoders were last killed for it */
	bool eased;                    /* more decoders may be allowed now */
	bool vain;                     /* short of memory, but nothing could be given back */
};

/* The event loop is scheduled soon when it has something to do; what it starts is not. */
void urgency_claim(void);

int memory_start(struct server *server);
void memory_stop(struct server *server);
/* Who comes under pressure is told so at once. */
void memory_tell(struct session *session);
/* @count decoders without work are dead: something is given back at once. */
void memory_lost(struct server *server, unsigned count);
void memory_tick(struct server *server, uint64_t now_ns);
uint64_t memory_deadline(const struct server *server);
/* Can @bytes more be taken? */
bool memory_has(struct server *server, uint64_t bytes);
/* Can @bytes more be taken, with what the pool would give back for them? */
bool memory_allows(struct server *server, uint64_t bytes);
/* Was it under pressure at the last look, or is something to be given back still? */
bool memory_is_short(const struct server *server);
/* Gives back what is missing for @bytes more, which are about to be taken. */
void memory_prepare(struct server *server, uint64_t bytes);
void memory_stats(struct server *server, struct mural_stats *stats);

/* ---- the server ---- */

/* A trim under way, in pieces, so that a long punch does not hold up pins. */
struct trim {
	struct list node;
	struct session *session; /* NULL: nobody waits for the answer */
	uint32_t serial;
	uint64_t left_bytes, freed_bytes;
};

struct server {
	struct server_options options;
	struct loop *loop;
	struct pool *pool;
	struct nursery *nursery;
	struct files *files;
	struct memory memory;
	struct board_instance instance;
	struct loop_watch listening, signals, nursery_watch, files_watch;
	int listen_fd, signal_fd;
	bool own_socket;       /* we made the path: we remove it */
	uint32_t requests_max; /* of one session, in flight: SESSION_REQUESTS_MAX, or fewer where
				  few descriptors are allowed */
	uint32_t sessions_max; /* at once: SESSIONS_MAX, or fewer where few descriptors are allowed
				*/
	uint64_t retry_ns;     /* UINT64_MAX: nothing to send again */
	bool ending;
	struct list sessions;
	unsigned session_count;
	uint64_t alone_since_ns; /* no session since then; 0: there is one */
	struct list trims;

	struct hash entries;  /* by key */
	struct hash pictures; /* sizes of files that have been probed, by identity */
	struct list picture_order;

	struct list queued[PRIORITIES][QUEUES]; /* entries that want a decoder, by age */
	struct list roomless;                   /* entries that want room, by priority and age */
	struct list aside; /* entries whose files would not come, as others' do not */
	struct list running;
	struct list strays;
	bool scheduling;  /* decode_schedule is at it, or comes later: not now */
	unsigned filling; /* slots reserved and not yet published, and scratch memory lent */
	uint64_t order;
	uint64_t bounce_ns;  /* no decode of what has just gone before, unless it is visible */
	uint64_t watched_ns; /* when decoders were last asked whether they do anything */

	uint64_t started_ns;
	struct mural_stats counters; /* only the fields that the server counts */
};

void server_trim(struct server *server, struct session *session, uint32_t serial, uint64_t bytes);
void server_forget_trims(struct server *server, const struct session *session);
void server_stats(struct server *server, struct mural_stats *ret);
bool server_serves(const struct server *server, uid_t uid);
/* After @error: was something given up, so that there is a descriptor to be had now? (As
 * pool_give_up_descriptors, of the pool: who holds an entry that is not decoding may lose it.) */
bool server_make_way(struct server *server, int error);
/* Come back to queued messages not later than this. */
void server_retry(struct server *server, uint64_t when_ns);

#endif
