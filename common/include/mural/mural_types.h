/* mural/mural_types.h - the constants and statistics that consumers and producer share. Installed;
 * included by mural.h. */
#ifndef MURAL_TYPES_H
#define MURAL_TYPES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How soon a request is wanted. Decoders stand still while a higher one needs their cores; one of
 * a prefetch ends, and begins again later, where what is visible needs its memory. */
enum mural_priority {
	MURAL_PRIORITY_PREFETCH = 0, /* may be needed; gives way to everything */
	MURAL_PRIORITY_SOON = 1,
	MURAL_PRIORITY_VISIBLE = 2, /* somebody is looking at the hole */
};

/* Facts about a decoded bitmap. */
enum mural_bitmap_flags {
	/* The file is cut short, and that was allowed; the missing part is filled. */
	MURAL_BITMAP_PARTIAL = 1 << 0,
	MURAL_BITMAP_HAS_ALPHA = 1 << 1, /* the file has transparency */
	MURAL_BITMAP_SCALED = 1 << 2,    /* smaller than the file's picture */
	MURAL_BITMAP_PREVIEW = 1 << 3,   /* a coarse version of it, by MURAL_REQUEST_PREVIEW */
};

/* Why a request failed, in more detail than the -errno that goes with it (in brackets). */
enum mural_reason {
	MURAL_REASON_NONE = 0,
	/* The descriptor: not a regular file, not readable, gone (-EINVAL, -EISDIR, -EBADF, -EIO).
	 * */
	MURAL_REASON_SOURCE = 1,
	MURAL_REASON_EMPTY = 2,       /* a file of 0 bytes (-ENODATA) */
	MURAL_REASON_NOT_IMAGE = 3,   /* no decoder knows its first bytes (-ENOEXEC) */
	MURAL_REASON_CORRUPT = 4,     /* its data contradict the format (-EBADMSG) */
	MURAL_REASON_TRUNCATED = 5,   /* it ends early (-EBADMSG) */
	MURAL_REASON_UNSUPPORTED = 6, /* a variant no decoder does (-ENOTSUP) */
	MURAL_REASON_TOO_LARGE = 7,   /* over --max-pixels, or over the whole budget (-EFBIG) */
	/* Everything in the pool is pinned, or held by decoders that do not end (-ENOSPC). */
	MURAL_REASON_NO_ROOM = 8,
	MURAL_REASON_QUOTA = 9,       /* this session has too much pinned or in flight (-EDQUOT) */
	MURAL_REASON_CHANGED = 10,    /* the file is not what it was when first decoded (-ESTALE) */
	MURAL_REASON_CRASHED = 11,    /* its decoder died of a signal or lied (-ECONNABORTED) */
	MURAL_REASON_KILLED = 12,     /* its decoders were killed, as the OOM killer does (-ENOMEM) */
	MURAL_REASON_TIMEOUT = 13,    /* the decoder, or the file system, took too long (-ETIMEDOUT) */
	MURAL_REASON_MEMORY = 14,     /* no shared memory, descriptor, process (-ENOMEM, -EMFILE …) */
	MURAL_REASON_CANCELLED = 15,  /* by its own session (-ECANCELED) */
	MURAL_REASON_GONE = 16,       /* the producer ended (-ECONNRESET) */
	/* A prefetch, while what is wanted does not fit as it is: the pool decodes again and again
	 * what it has just thrown away. Ask when it is wanted, or much later (-ENOSPC). */
	MURAL_REASON_THRASHING = 17,
	MURAL_REASON_NO_PREVIEW = 18, /* nothing coarse is quicker than the picture (-ENOTSUP) */
};

/* Memory pressure, as told to consumers. */
enum mural_pressure {
	MURAL_PRESSURE_NONE = 0,
	MURAL_PRESSURE_MODERATE = 1, /* drop what is easy to get back, stop prefetching */
	MURAL_PRESSURE_CRITICAL = 2, /* keep only what is on screen */
};

/* What memory is watched by: bits. */
enum mural_watch {
	MURAL_WATCH_BUDGET = 1 << 0,         /* the pool's own limit: always */
	MURAL_WATCH_MEMINFO = 1 << 1,        /* /proc/meminfo */
	MURAL_WATCH_CGROUP = 1 << 2,         /* usage and limits of the control groups up the tree */
	MURAL_WATCH_THRESHOLDS = 1 << 3,     /* cgroup v1: told when usage crosses a mark */
	MURAL_WATCH_PRESSURE_LEVEL = 1 << 4, /* cgroup v1: told how hard reclaim is */
	MURAL_WATCH_EVENTS = 1 << 5,         /* cgroup v2: memory.events */
	MURAL_WATCH_PSI = 1 << 6,            /* stalls: of the machine, of cgroup v2 groups */
};

/* What the pool holds and did. Bytes are pages given to bitmaps (control blocks included) unless
 * said otherwise; counts since
 * the producer's start are named by past participles. used = pinned + ready + idle + filling + kept
 * + overhead. */
struct mural_stats {
	uint64_t budget_bytes, used_bytes;
	uint64_t pinned_bytes;  /* READY and pinned by at least one consumer */
	uint64_t ready_bytes;   /* READY, pinned in memory, by nobody on a board */
	uint64_t idle_bytes;    /* unpinned: goes first */
	uint64_t filling_bytes; /* being decoded */
	uint64_t kept_bytes;    /* empty regions kept for reuse */
	uint64_t overhead_bytes; /* control blocks, scratch memory, slack of slabs */
	/* The kernel's own count (st_blocks; SEEK_DATA on the device) over all regions of the pool:
	 * on the device less than used, when the kernel has taken what was unpinned. */
	uint64_t allocated_bytes;
	uint64_t purged_bytes;  /* thrown away since the start */
	uint32_t pinned_bitmaps, ready_bitmaps, idle_bitmaps, filling_bitmaps;
	uint32_t purged_bitmaps; /* remembered as purged, now */
	uint32_t regions;        /* of shared memory, held */
	uint32_t sessions, waiting_requests;
	/* Decoders at work, and how many may decode at once. There may be as many again that read
	 * headers, and some whose files do not come. */
	uint32_t workers_busy, workers_max;
	uint64_t requests, hits, misses;  /* a hit found READY or IDLE memory intact */
	uint64_t joined;                  /* requests that shared a decode under way */
	uint64_t decodes, decode_failures, redecodes; /* redecodes: of something that had been purged */
	uint64_t purges;                  /* bitmaps purged */
	uint64_t reuses;                  /* regions taken from the kept ones */
	uint64_t cancelled, refused_no_room, refused_quota;
	uint64_t decode_ns;               /* wall time of all decodes */
	/* Bitmaps unpinned when idle; idle ones that were found intact at the re-pin. */
	uint64_t idle_unpins, pins_revived;
	uint32_t pressure;                /* enum mural_pressure, now */
	uint32_t driver;                  /* 1: memfd, 2: /dev/ashmem */
	uint64_t headroom_bytes;          /* memory left, as the watching sees it; UINT64_MAX: unknown */
	uint64_t uptime_ms;
	uint64_t instance;                /* low half of the producer's random identity */
	int32_t pid;
	uint32_t lost_decoders;           /* killed while they waited for work: by the OOM killer */
	/* The watching of memory. */
	uint32_t watch_sources;           /* enum mural_watch: what is watched here, now */
	uint32_t watch_event;             /* the one that told us something last; 0: none has */
	uint64_t watch_event_ms;          /* how long ago that was */
	uint64_t watch_events;            /* so many times we were told */
	uint64_t watch_looks;             /* so many times all numbers were read */
	uint64_t watch_freed_bytes;       /* given back for what was seen or told */
	uint64_t wakeups;                 /* turns of the producer's event loop, for whatever reason */
	/* What goes first, and what that costs: processor time of decoders, by the kernel's count,
	 * of all decodes, and of those that brought back what had been purged. */
	uint64_t decode_cpu_ns, redecode_cpu_ns;
	uint32_t order; /* 0: by cost, 1: the one used longest ago */
	uint32_t thrashing;         /* 1: the same bitmaps go and come back, again and again */
	uint64_t bounces;           /* decodes of what had been purged only just before */
	uint64_t thrash_times;      /* so often it began to thrash */
	uint64_t refused_thrashing; /* prefetches refused meanwhile */
	uint64_t freed_bytes;       /* what the kernel got back for all that went, by its own count:
				       control blocks, too */
	/* Alive beyond what is used: where there was nothing, a program that had a region mapped
	 * has read, and the kernel has filled the hole. Counted as long as the producer holds the
	 * region: pieces purged from a region that others share, until they are punched again, and
	 * the space behind a large bitmap. A large bitmap's region is closed when it is purged;
	 * what somebody who keeps it mapped brings back from then on is charged to that program and
	 * in no number here. */
	uint64_t stray_bytes;
	/* Processes that were given a picture, to read its header or to decode it: small ones take
	 * one for both. */
	uint64_t decoder_processes;
	/* Read-only ones of @regions, kept for consumers to come; at most 256, and a sixteenth of what
	 * the process may have open. */
	uint32_t readonly_descriptors;
	/* Decoders that were killed and do not end, now: what their files lie on does not answer.
	 * What they may still write is counted to overhead_bytes. */
	uint32_t stray_decoders;
};

#ifdef __cplusplus
}
#endif
#endif
