/* The numbers that a decoder's descriptors have, so that the filter can be built before there is a
 * decoder. */
#ifndef WORKER_DECODER_DESCRIPTORS_H
#define WORKER_DECODER_DESCRIPTORS_H

#include "producer/sandbox.h"

enum decoder_descriptor {
	DECODER_ANSWER = 3,    /* what it is given by the nursery; below it are the standard three
				  until it shuts itself in */
	DECODER_REHEARSAL = 4, /* closed before it waits for a job */
	DECODER_SOURCE = 4,    /* the first that it receives */
	DECODER_MEMORY = 5,    /* the second; kept only where it is written to */
};

static const struct sandbox_descriptors decoder_descriptors = {
	.source = DECODER_SOURCE, .answer = DECODER_ANSWER, .memory = DECODER_MEMORY};

#endif
