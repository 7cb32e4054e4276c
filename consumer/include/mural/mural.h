/* mural/mural.h - decoded pictures in shared, purgeable memory: the consumer's library.
 *
 * A program opens the user's pool (the producer process is started when it is not running), asks
 * for pictures, and gets references to bitmaps that live in memory shared with everybody who asked
 * for the same picture. It pins a bitmap while it uses the pixels. What nobody pins may be thrown
 * away when memory is short; the next pin then returns ASHMEM_WAS_PURGED, and the bitmap is decoded
 * again on request.
 *
 *     struct mural *m;
 *     struct mural_bitmap *b;
 *     struct mural_view view;
 *     mural_open(NULL, &m);
 *     struct mural_request wanted = {.path = "a.jpg", .box_width = 1920, .box_height = 1080};
 *     mural_request(m, &wanted, &b);
 *     if (mural_bitmap_wait(b, -1) == 0 && mural_bitmap_pin_wait(b, -1, &view) ==
 * ASHMEM_NOT_PURGED) { draw(view.pixels, view.stride_bytes); mural_bitmap_unpin(b);
 *     }
 *     mural_bitmap_unref(b);
 *     mural_close(m);
 *
 * Returns: 0 = done, > 0 = a condition named at the call, < 0 = -errno; on failure outputs are
 * untouched. Bytes unless a name says pixels; times in milliseconds; -1 as a time-out waits for
 * ever.
 *
 * Blocking. Only calls with "wait" in their name, mural_open (until the producer answers its
 * hello), and the synchronous mural_stat, mural_trim and mural_purge block, each with a time-out.
 * All others return at once; results arrive through mural_dispatch, to be called when mural_fd is
 * readable. Callbacks run inside mural_dispatch (or inside a call that waits), never inside another
 * call, and may call everything here except mural_close.
 *
 * Threads. One thread at a time may call into one struct mural and its bitmaps, with two exceptions
 * that any thread may call at any time while it holds a reference: mural_bitmap_pin and
 * mural_bitmap_unpin. Different struct mural are independent.
 *
 * Processes. A connection belongs to the process that opened it. In a forked child every call
 * returns -ECHILD and touches nothing (void calls do nothing); the child opens a connection of its
 * own.
 *
 * A producer that dies. mural_dispatch notices, connects to another (starting it when need be) and
 * goes on: requests in flight are sent again, references stay valid, what is pinned stays readable,
 * what is not pinned answers ASHMEM_WAS_PURGED at its next pin and is decoded by the new producer.
 * MURAL_EVENT_RECONNECTED tells the program. When no producer can be had, MURAL_EVENT_LOST tells
 * it, requests fail with -ECONNRESET, and further ones try to connect again. */
#ifndef MURAL_MURAL_H
#define MURAL_MURAL_H

#include <mural/mural_types.h>
#include <mural/pixel.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Results of a pin: ashmem's own constants (<cutils/ashmem.h> defines the same values). */
#ifndef ASHMEM_NOT_PURGED
#define ASHMEM_NOT_PURGED 0
#define ASHMEM_WAS_PURGED 1
#endif

struct mural;        /* a connection to a producer; opaque */
struct mural_bitmap; /* a counted reference to one picture at one size and format; opaque */

/* ---- connection ---- */

enum mural_open_flags {
	/* A producer of this connection's own, not the user's shared one; it ends with the
	 * connection. */
	MURAL_OPEN_PRIVATE = 1 << 0,
	/* Fail with -ECONNREFUSED instead of starting a producer. */
	MURAL_OPEN_NO_START = 1 << 1,
};

enum mural_event {
	MURAL_EVENT_RECONNECTED = 1, /* the producer died and another one answers */
	MURAL_EVENT_LOST = 2,        /* no producer can be had; value: -errno */
	/* Memory is short, or is so no more; value: enum mural_pressure. Told of every change, once
	 * after mural_open where it is short already, and MURAL_PRESSURE_NONE when a producer that
	 * had told of pressure is replaced. MODERATE: let go of what is derived from bitmaps and
	 * not shown (textures, copies), cancel what was asked for ahead of need, ask for nothing
	 * ahead. CRITICAL: also unpin and unref all that is not on the screen. The level has been
	 * steady for a second when it falls; wait some more before asking ahead again, so that this
	 * does not bring the pressure back. */
	MURAL_EVENT_PRESSURE = 3,
};

struct mural_options {
	unsigned flags;   /* enum mural_open_flags */
	const char *name; /* in the producer's log; NULL: the program's name. Cut to 31 bytes */
	/* NULL: $MURAL_SOCKET, else $XDG_RUNTIME_DIR/mural/socket, else /tmp/mural-UID/socket */
	const char *socket;
	/* The program to start; NULL: $MURAL_PRODUCER, else beside this program, else the installed
	 * one */
	const char *producer;
	/* Further arguments for a producer that this call starts, NULL-terminated; or NULL */
	const char *const *producer_args;
	/* May be NULL */
	void (*on_event)(struct mural *mural, enum mural_event event, int value, void *user);
	void *user;
};

/* Connects, starting the producer when it is not running. @options may be NULL.
 * -ECONNREFUSED: none running and not to be started, or it could not be started. -EPROTONOSUPPORT:
 * it speaks another version.
 * -EACCES: the socket or its folder belongs to another user, or that producer serves another user.
 * -EDQUOT: it has as many connections as it may have, of all, of this user, or of this program.
 * -ETIMEDOUT: no answer in 10 s. -ENAMETOOLONG: the socket's path. -EINVAL: unknown flags. -ENOMEM,
 * -EMFILE. */
MURAL_PUBLIC int mural_open(const struct mural_options *options, struct mural **ret);

/* What an error of mural_open means, for a person to read. Static storage, but for those that
 * strerror tells. */
MURAL_PUBLIC const char *mural_open_error_text(int error);

/* Gives back all pins and requests of this connection and frees it. Bitmaps that still have
 * references become dead: they can only be unref'ed, and views of them are invalid. NULL is
 * fine. */
MURAL_PUBLIC void mural_close(struct mural *mural);

/* One descriptor to poll for POLLIN; stays the same until mural_close, whatever happens to the
 * producer. Not to be read or closed.
 * -ECHILD. */
MURAL_PUBLIC int mural_fd(const struct mural *mural);

/* Handles what has arrived and calls the callbacks; never blocks. 0, or -ECHILD, -ENOMEM (try again
 * later). */
MURAL_PUBLIC int mural_dispatch(struct mural *mural);

/* Sleeps until something arrives or @timeout_ms pass, and dispatches. 0; 1: timed out; -ECHILD,
 * -EINTR, -ENOMEM. */
MURAL_PUBLIC int mural_wait(struct mural *mural, int timeout_ms);

/* ---- asking for pictures ---- */

enum mural_request_flags {
	/* Do not apply the EXIF orientation. */
	MURAL_REQUEST_AS_STORED = 1 << 0,
	/* A truncated file gives what there is, flagged MURAL_BITMAP_PARTIAL. */
	MURAL_REQUEST_ALLOW_PARTIAL = 1 << 1,
	/* When all the pool is pinned, wait for room instead of failing with -ENOSPC. */
	MURAL_REQUEST_WAIT = 1 << 2,
	/* A coarse version that is there sooner than the picture, to be shown until that is: a
	 * bitmap of its own, flagged MURAL_BITMAP_PREVIEW, fitted into the box and never larger
	 * than the picture at 1/8 or the thumbnail that the camera made; source_width and
	 * source_height are the picture's. It can be asked for beside any picture: where there is
	 * none, or none that is quicker, it fails with -ENOTSUP and MURAL_REASON_NO_PREVIEW. It
	 * says nothing about whether the picture itself is whole. */
	MURAL_REQUEST_PREVIEW = 1 << 3,
};

enum mural_bitmap_event {
	MURAL_BITMAP_READY = 1,  /* decoded (again): a pin will succeed now */
	MURAL_BITMAP_FAILED = 2, /* the request failed: mural_bitmap_error says why */
	MURAL_BITMAP_PINNABLE =
		3, /* the answer to a pin that returned -EAGAIN is there: pin again */
};

typedef void (*mural_bitmap_fn)(
	struct mural_bitmap *bitmap, enum mural_bitmap_event event, void *user);

struct mural_request {
	/* The source: exactly one of the three. */
	const char *path; /* opened here, now, and again for every decode after a purge */
	/* Used when path and open are NULL: readable, a regular file or a memfd, not O_PATH;
	 * duplicated here. */
	int fd;
	/* Gives a new descriptor (taken) or -errno; called inside this call and at every re-decode.
	 */
	int (*open)(void *open_user);
	void *open_user;

	/* Fit into this box, pixels of the upright picture; never enlarged; 0: no limit. */
	uint32_t box_width, box_height;
	uint32_t format;          /* enum mural_format; 0: MURAL_FORMAT_XRGB8888 */
	uint32_t flags;           /* enum mural_request_flags */
	uint32_t priority;        /* enum mural_priority */
	mural_bitmap_fn on_event; /* may be NULL */
	void *user;
};

/* Asks for a picture. The caller owns the reference in @ret at once; it is pending until its
 * callback (or mural_bitmap_wait) says READY or FAILED. Equal requests, of any process of this
 * user, share one decode and one memory. The same errors for the source come either here or as
 * FAILED, whichever is known first:
 * -ENOENT, -EACCES, …: as open(2) says. -EINVAL: no source, or two; unknown format, flag or
 * priority; an O_PATH or unreadable descriptor; neither a regular file nor a memfd (a FIFO, a
 * device). -EISDIR: a folder. -EDQUOT: too many requests in flight.
 * -ECONNRESET: no producer can be had. -ECHILD, -ENOMEM, -EMFILE. */
MURAL_PUBLIC int mural_request(
	struct mural *mural, const struct mural_request *request, struct mural_bitmap **ret);

/* Waits for a pending bitmap. 0: decoded; 1: timed out; otherwise the request's error, as
 * mural_bitmap_error. */
MURAL_PUBLIC int mural_bitmap_wait(struct mural_bitmap *bitmap, int timeout_ms);

/* Asks for the pixels again after a pin said ASHMEM_WAS_PURGED (or after a failure), with the same
 * options and the given priority. Does nothing while the bitmap is pending. The bitmap is pending
 * again afterwards; events as for mural_request. After a decode the picture has the same pixels, or
 * the request fails with -ESTALE because the file has changed. Errors as mural_request. -EBUSY:
 * pinned by this process (its bytes are there: nothing to decode). */
MURAL_PUBLIC int mural_bitmap_redecode(struct mural_bitmap *bitmap, uint32_t priority);

/* Changes the priority of a pending request; does nothing on others. 0; -EINVAL, -ECHILD. */
MURAL_PUBLIC int mural_bitmap_set_priority(struct mural_bitmap *bitmap, uint32_t priority);

/* Ends a pending request: it fails with -ECANCELED, told by its callback at the next dispatch. The
 * decode stops when nobody else waits for it. 0, also when it was not pending; -ECHILD. */
MURAL_PUBLIC int mural_bitmap_cancel(struct mural_bitmap *bitmap);

/* Asks that a picture be decoded into the pool, without keeping a reference: at PREFETCH priority
 * whatever the request says; callbacks are not called. @ret_ticket (may be NULL) is a number for
 * mural_prefetch_cancel. Errors as mural_request. While the pool is thrashing (mural_stat)
 * prefetches come to nothing; a request at PREFETCH priority then fails with -ENOSPC,
 * MURAL_REASON_THRASHING.
 */
MURAL_PUBLIC int mural_prefetch(
	struct mural *mural, const struct mural_request *request, uint32_t *ret_ticket);

/* Gives a prefetch up; unknown and finished tickets are fine. 0; -ECHILD. */
MURAL_PUBLIC int mural_prefetch_cancel(struct mural *mural, uint32_t ticket);

/* ---- bitmaps ---- */

struct mural_view {
	const void *pixels; /* read-only: writing raises SIGSEGV */
	uint32_t width, height;
	uint32_t stride_bytes;
	uint32_t format; /* enum mural_format */
	uint32_t flags;  /* enum mural_bitmap_flags */
	/* Of the picture in the file, the same way up as this one. */
	uint32_t source_width, source_height;
	/* Changes whenever the bitmap was decoded again: what is derived from the pixels (a
	 * texture) is told by it. */
	uint64_t generation;
};

/* Pins: until mural_bitmap_unpin no byte of the bitmap changes or is purged. Pins are counted;
 * every success needs one unpin. Any thread. Two atomic operations and no system call while the
 * bitmap is ready.
 * ASHMEM_NOT_PURGED (0): pinned, @ret filled.
 * ASHMEM_WAS_PURGED (1): not pinned; the pixels are gone: mural_bitmap_redecode.
 * -EAGAIN: not pinned; pending, or the producer was asked: wait for the callback (PINNABLE or
 * READY) or use mural_bitmap_pin_wait. The request's error when it failed. -ECHILD. -ESHUTDOWN: the
 * connection was closed. */
MURAL_PUBLIC int mural_bitmap_pin(struct mural_bitmap *bitmap, struct mural_view *ret);

/* The same, waiting for the producer's answer and for a pending decode. -ETIMEDOUT. Does not decode
 * again by itself. */
MURAL_PUBLIC int mural_bitmap_pin_wait(
	struct mural_bitmap *bitmap, int timeout_ms, struct mural_view *ret);

/* Ends one pin. Any thread. More unpins than pins are ignored and reported: 0; -EINVAL: not pinned;
 * -ECHILD. */
MURAL_PUBLIC int mural_bitmap_unpin(struct mural_bitmap *bitmap);

/* Marks what is on screen: purged last of all that is idle. 0; -ECHILD. */
MURAL_PUBLIC int mural_bitmap_set_visible(struct mural_bitmap *bitmap, int visible);

/* What is known of a bitmap without pinning it (after READY): all of @ret but pixels, which is
 * NULL. 0; -EAGAIN: pending; its error. */
MURAL_PUBLIC int mural_bitmap_info(const struct mural_bitmap *bitmap, struct mural_view *ret);

/* The request's -errno (0: none), its reason, and one line of text for a person (never NULL, valid
 * until the next event of this bitmap). @ret_reason and @ret_text may be NULL. */
MURAL_PUBLIC int mural_bitmap_error(
	const struct mural_bitmap *bitmap, enum mural_reason *ret_reason, const char **ret_text);

/* The user pointer of the request. */
MURAL_PUBLIC void *mural_bitmap_user(const struct mural_bitmap *bitmap);

/* References. The last unref cancels a pending request, gives back this process's hold (the pool
 * keeps the bitmap cached), and leaves no pin behind. NULL is fine. */
MURAL_PUBLIC struct mural_bitmap *mural_bitmap_ref(struct mural_bitmap *bitmap);
MURAL_PUBLIC void mural_bitmap_unref(struct mural_bitmap *bitmap);

/* ---- the pool ---- */

/* Statistics, waiting at most @timeout_ms. 0; -ETIMEDOUT, -ECONNRESET, -ECHILD. */
MURAL_PUBLIC int mural_stat(struct mural *mural, int timeout_ms, struct mural_stats *ret);

/* The same without waiting: @fn is called once from a dispatch; @error is 0 or -ECONNRESET (then
 * @stats is NULL). -EDQUOT: too many in flight. */
typedef void (*mural_stat_fn)(
	struct mural *mural, int error, const struct mural_stats *stats, void *user);
MURAL_PUBLIC int mural_stat_async(struct mural *mural, mural_stat_fn fn, void *user);

/* Throws away at least @bytes of what nobody pins (free regions first, then idle bitmaps, then
 * ready ones). @ret_freed (may be NULL): bytes that the kernel gave back. 0, also when there was
 * less; -ETIMEDOUT, -ECONNRESET, -ECHILD. */
MURAL_PUBLIC int mural_trim(
	struct mural *mural, uint64_t bytes, int timeout_ms, uint64_t *ret_freed);

/* Throws away everything that nobody pins. As mural_trim. */
MURAL_PUBLIC int mural_purge(struct mural *mural, int timeout_ms, uint64_t *ret_freed);

/* Trim without waiting (UINT64_MAX: purge): @fn is called once from a dispatch; @error is 0 or
 * -ECONNRESET. -EDQUOT: too many in flight. */
typedef void (*mural_trim_fn)(struct mural *mural, int error, uint64_t freed_bytes, void *user);
MURAL_PUBLIC int mural_trim_async(
	struct mural *mural, uint64_t bytes, mural_trim_fn fn, void *user);

/* The descriptive name of a reason, in English, for a person. Never NULL. */
MURAL_PUBLIC const char *mural_reason_text(enum mural_reason reason);

#ifdef __cplusplus
}
#endif
#endif
