/* common/protocol.h - what a consumer and the producer say to each other.
 *
 * SOCK_SEQPACKET: one struct a message, its type in the head, its size exactly the struct's
 * (checked by both sides), native byte order (one machine). Descriptors travel only with the
 * messages that name them here. Nothing in a message is trusted by the producer; a message of a
 * wrong size, type or count of descriptors ends the session.
 *
 * The order at the start: HELLO, then WELCOME (or FAREWELL). A region's descriptor is sent once a
 * session, with the first READY that names the region: that is a HANDOVER. Regions that have gone
 * are named in REGION_GONE.
 *
 * An answer about a slot (READY, PIN_ANSWER) is a hint: the consumer runs the pin loop of
 * common/board.h. The producer holds the slot for it (a grant) until it has counted itself,
 * releases it, its session ends, or PROTOCOL_GRANT_MS have passed. */
#ifndef COMMON_PROTOCOL_H
#define COMMON_PROTOCOL_H

#include "common/board.h"
#include "common/message.h"

#include <mural/mural_types.h>
#include <stdint.h>

#define PROTOCOL_MAGIC UINT32_C(0x6c72754d) /* "Murl" */
#define PROTOCOL_VERSION 2u
#define PROTOCOL_GRANT_MS 2000u

enum protocol_type {
	/* consumer to producer */
	PROTOCOL_HELLO = 1,
	PROTOCOL_REQUEST = 2, /* + 1 descriptor: the source */
	PROTOCOL_CANCEL = 3,
	PROTOCOL_PRIORITY = 4,
	PROTOCOL_PIN = 5,     /* bring an idle slot back, answered by PIN_ANSWER */
	PROTOCOL_RELEASE = 6, /* this session forgets a slot (and its grant) */
	PROTOCOL_NUDGE = 7,   /* a last unpin of a watched slot, or while somebody waits for room */
	PROTOCOL_STAT = 8,
	PROTOCOL_TRIM = 9,
	/* producer to consumer */
	PROTOCOL_WELCOME = 64, /* + 2 descriptors: state table (read-only), pin board */
	PROTOCOL_FAREWELL = 65,
	PROTOCOL_HANDOVER =
		66, /* + 1 descriptor, read-only: a READY, and the region that it names */
	PROTOCOL_REGION_GONE = 67,
	PROTOCOL_READY = 68,
	PROTOCOL_FAILED = 69,
	PROTOCOL_PIN_ANSWER = 70,
	PROTOCOL_STATS = 71,
	PROTOCOL_TRIMMED = 72,
	PROTOCOL_PRESSURE = 73,
};

struct protocol_head {
	uint32_t type;
	uint32_t serial; /* the consumer's number of the request this belongs to; 0: none */
};

/* Who a file is: what a cache key and a re-decode are checked against. */
struct protocol_identity {
	uint64_t device, inode;
	int64_t size;
	int64_t mtime_s, ctime_s;
	uint32_t mtime_ns, ctime_ns;
};

struct protocol_hello {
	struct protocol_head head;
	uint32_t magic;
	uint32_t version;
	uint32_t flags; /* must be 0 */
	uint32_t reserved;
	char name[32]; /* the program's, for the log; NUL-terminated */
};

struct protocol_welcome {
	struct protocol_head head;
	uint32_t version;
	uint32_t pid; /* the producer's, as it sees itself */
	struct board_instance instance;
	uint64_t budget_bytes;
	uint32_t requests_max; /* in flight for this session; one more fails with -EDQUOT */
	uint32_t reserved;
};

struct protocol_farewell {
	struct protocol_head head;
	int32_t error; /* -EPROTONOSUPPORT, -EACCES, -EDQUOT, -EPROTO: why this session is ended */
	uint32_t reserved;
	char reason[120];
};

enum protocol_request_flags {
	PROTOCOL_AS_STORED = 1 << 0, /* no EXIF orientation */
	PROTOCOL_ALLOW_PARTIAL =
		1 << 1, /* a truncated file gives what there is, with MURAL_BITMAP_PARTIAL */
	PROTOCOL_WAIT = 1 << 2,    /* wait for room instead of failing with -ENOSPC */
	PROTOCOL_EXPECT = 1 << 3,  /* -ESTALE when the source is not @expected (a re-decode) */
	PROTOCOL_PREVIEW = 1 << 4, /* a coarse version, or MURAL_REASON_NO_PREVIEW */
	PROTOCOL_FLAGS_ALL = 0x1f,
};

struct protocol_request {
	struct protocol_head head;
	uint32_t flags;
	uint32_t format;
	uint32_t box_width, box_height; /* 0: no limit */
	uint32_t priority;              /* enum mural_priority */
	uint32_t reserved;
	struct protocol_identity expected;
};

struct protocol_cancel {
	struct protocol_head head;
};

struct protocol_priority {
	struct protocol_head head;
	uint32_t priority;
	uint32_t reserved;
};

/* PIN, RELEASE, NUDGE. A RELEASE gives back @told of the READY answers that named the slot; the
 * session forgets the slot when all are given back, whatever their generations. Without the count a
 * RELEASE that crosses a new READY on the way would make the producer forget a slot that the
 * consumer goes on to pin. */
struct protocol_slot {
	struct protocol_head head;
	uint32_t slot;
	uint32_t told; /* RELEASE: at least 1; others: 0 */
	uint64_t generation;
};

struct protocol_stat {
	struct protocol_head head;
};

struct protocol_trim {
	struct protocol_head head;
	uint64_t bytes; /* UINT64_MAX: everything that nobody pins */
};

struct protocol_region_gone {
	struct protocol_head head;
	uint64_t region;
};

struct protocol_ready {
	struct protocol_head head;
	uint32_t slot;
	uint32_t format;
	uint64_t generation;
	uint64_t region; /* never repeats within an instance */
	uint64_t offset; /* of the first pixel, in the region */
	uint32_t width, height;
	uint32_t stride_bytes;
	uint32_t flags;                       /* enum mural_bitmap_flags */
	uint32_t source_width, source_height; /* of the file, upright unless as stored */
	uint64_t decode_ns; /* what bringing it back costs: the decoder's wall time; 0 for a hit's
			       unknown */
	struct protocol_identity identity;
};

struct protocol_handover {
	struct protocol_ready ready; /* its head is the message's */
	uint64_t region_size;        /* of the data: what to map */
};

/* The end of a request, but for -EAGAIN: its descriptor was lost on its way, because the producer
 * had no room for it. Now there is some: the same request, sent again, has a chance. */
struct protocol_failed {
	struct protocol_head head;
	int32_t error;   /* -errno, as mural.h lists them; or -EAGAIN */
	uint32_t reason; /* enum mural_reason */
	char text[120]; /* NUL-terminated, without the file's name, which the producer does not know
			 */
};

enum protocol_pin_result {
	PROTOCOL_PIN_INTACT = 0, /* READY again with the generation asked for; held by a grant */
	PROTOCOL_PIN_PURGED = 1, /* those bytes are gone */
};

struct protocol_pin_answer {
	struct protocol_head head;
	uint32_t slot;
	uint32_t result;
	uint64_t generation;
};

struct protocol_stats {
	struct protocol_head head;
	struct mural_stats stats;
};

struct protocol_trimmed {
	struct protocol_head head;
	uint64_t freed_bytes;
};

struct protocol_pressure {
	struct protocol_head head;
	uint32_t level; /* enum mural_pressure */
	uint32_t reserved;
};

/* The exact size that a message of @type must have; 0 for an unknown type. */
size_t protocol_size(uint32_t type);

/* How many descriptors a message of @type must carry. */
size_t protocol_descriptors(uint32_t type);

/* Receives one message, whole and of a known type, with the size and the descriptors that its type
 * must have. Returns as message_receive; -EPROTO: anything else arrived (its descriptors are
 * closed). */
union protocol_any {
	struct protocol_head head;
	struct protocol_hello hello;
	struct protocol_welcome welcome;
	struct protocol_farewell farewell;
	struct protocol_request request;
	struct protocol_cancel cancel;
	struct protocol_priority priority;
	struct protocol_slot slot;
	struct protocol_stat stat;
	struct protocol_trim trim;
	struct protocol_handover handover;
	struct protocol_region_gone region_gone;
	struct protocol_ready ready;
	struct protocol_failed failed;
	struct protocol_pin_answer pin_answer;
	struct protocol_stats stats;
	struct protocol_trimmed trimmed;
	struct protocol_pressure pressure;
};
ssize_t protocol_receive(
	int socket, union protocol_any *ret_message, int fds[MESSAGE_FDS_MAX], size_t *ret_count);

/* The same of as many as are there, up to @most and MESSAGE_BATCH_MAX: @received says of each what
 * protocol_receive would. Where that is -EMFILE, @messages has all of the message but its
 * descriptors. Returns as message_receive_batch. */
int protocol_receive_batch(int socket, union protocol_any messages[MESSAGE_BATCH_MAX],
	struct message_received received[MESSAGE_BATCH_MAX], unsigned most);

#endif
