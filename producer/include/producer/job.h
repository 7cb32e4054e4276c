/* producer/job.h - what a decoder process is told and what it answers. One job a process, then it
 * exits.
 *
 * Two kinds. PROBE reads the header and says how large the picture is; nothing is allocated by its
 * word alone. DECODE writes the rows of exactly the size that was reserved. A PROBE that is given a
 * window goes straight on to decode into it when the bitmap fits, and the picture needs no more
 * than the job grants: for a small picture a second process would cost as much as its pixels. Both
 * run shut in (producer/sandbox.h). A result is hostile: the producer checks every field. */
#ifndef PRODUCER_JOB_H
#define PRODUCER_JOB_H

#include <mural/mural_types.h>
#include <stdbool.h>
#include <stdint.h>

enum job_kind {
	JOB_PROBE = 1,
	JOB_DECODE = 2,
};

enum job_flags {
	JOB_AS_STORED = 1 << 0,
	JOB_ALLOW_PARTIAL = 1 << 1,
	JOB_PREVIEW = 1 << 2, /* a coarse version, or MURAL_REASON_NO_PREVIEW */
	/* Rows go into the memory's file by pwrite. It holds nothing before the window's end that
	 * is not this bitmap's. */
	JOB_WRITTEN = 1 << 3,
	/* The memory is read by the producer alone, which copies from it: what is written there
	 * after the answer is of no consequence. */
	JOB_SCRATCH = 1 << 4,
	/* Besides JOB_WRITTEN: the memory is made first, as huge pages; rows are written where that
	 * fails. */
	JOB_COLLAPSE = 1 << 5,
};

enum job_collapse {
	JOB_COLLAPSE_NONE, /* it was not to be tried, */
	JOB_COLLAPSE_DONE,
	JOB_COLLAPSE_FAILED, /* or took too long */
};

/* A decoder makes use of no more helper threads than these. */
#define JOB_THREADS_MAX 7u

/* Descriptors that travel with it: the source; with a window also its memory. */
struct job {
	uint32_t kind;
	uint32_t flags;
	uint32_t format;                      /* enum mural_format */
	uint32_t box_width, box_height;       /* pixels of the upright picture; 0: no limit */
	uint32_t width, height, stride_bytes; /* DECODE: exactly this, as the probe said */
	uint64_t max_pixels;                  /* of the source */
	uint64_t go_on_pixels; /* PROBE with a window: the largest source to go on with */
	uint64_t window_offset, window_length; /* of the memory, page-aligned; 0, 0: none (PROBE) */
	uint64_t memory_bytes; /* the most that the process may allocate beside the window */
	uint32_t cpu_seconds;  /* SIGXCPU beyond; 0 counts as 1 */
	uint32_t threads;      /* helper threads allowed (0: none): producer/team.h */
};

static inline bool job_has_window(const struct job *job)
{
	return job->kind == JOB_DECODE || job->window_length > 0;
}

enum job_source_kind {
	JOB_SOURCE_JPEG = 1,
	JOB_SOURCE_PNG = 2,
};

struct job_result {
	int32_t error;   /* 0 or -errno */
	uint32_t reason; /* enum mural_reason */
	uint32_t source_kind;
	uint32_t flags;                       /* enum mural_bitmap_flags */
	uint32_t source_width, source_height; /* upright unless AS_STORED */
	uint32_t width, height;               /* of the bitmap: fitted into the box */
	uint32_t decoded;                     /* 1: its pixels are in the window */
	uint32_t reads_all; /* of a preview, 1: it goes through all of the file's data */
	uint32_t helpers;   /* helper threads that decoding has work for, at most JOB_THREADS_MAX */
	uint32_t collapse;  /* enum job_collapse */
	uint64_t memory_bytes; /* what decoding needs beside the window, an upper bound; */
	uint64_t helper_bytes; /* and what it needs for each helper besides */
	uint64_t decode_ns;
	char text[120]; /* for a person, NUL-terminated; without the file's name */
};

/* What is to be granted for a decode with so many helper threads; UINT64_MAX when nobody can. */
static inline uint64_t job_memory_bytes(const struct job_result *facts, uint32_t threads)
{
	uint64_t bytes;
	if (__builtin_mul_overflow(facts->helper_bytes, threads, &bytes) ||
		__builtin_add_overflow(facts->memory_bytes, bytes, &bytes))
		return UINT64_MAX;
	return bytes;
}

#endif
