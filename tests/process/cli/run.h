/* One run of `mural`, whole. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "support/process.h"

struct run {
	int status; /* exit status, or 128 + signal */
	char *out, *err;
	size_t out_size;
};

/* Runs `mural` with the given words behind its name; @in: standard input, -1 for none. Free with
 * run_fini. */
struct run run_mural_in(int in, const char *const words[]);

#define run_mural(...) run_mural_in(-1, (const char *const[]){__VA_ARGS__, NULL})

void run_fini(struct run *run);

#endif
