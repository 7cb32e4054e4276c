/* codec_job.h - one hostile picture through probe and decode. */
#ifndef TESTS_FUZZ_CODEC_JOB_H
#define TESTS_FUZZ_CODEC_JOB_H

#include <stddef.h>
#include <stdint.h>

/* Format, flags and box follow from the bytes. Aborts when an answer makes no sense, or when the
 * same bytes decoded twice do not give the same bitmap: a pixel that nobody wrote would show it. */
void codec_job_run(const uint8_t *data, size_t size);

#endif
