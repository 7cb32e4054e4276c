#include "run.h"

#include "common/util.h"

#include <string.h>

struct run run_mural_in(int in, const char *const words[])
{
	CLEANUP(free_p) char *program = strdup(test_program("mural"));
	const char *argv[64] = {program};
	for (size_t i = 0; words[i] && i < ARRAY_SIZE(argv) - 2; i++)
		argv[i + 1] = words[i];
	struct test_process process;
	struct run run = {.status = test_process_run(&process, in, argv)};
	run.out = test_process_out(&process, &run.out_size);
	run.err = test_process_err(&process, NULL);
	test_process_fini(&process);
	return run;
}

void run_fini(struct run *run)
{
	free(run->out);
	free(run->err);
}
