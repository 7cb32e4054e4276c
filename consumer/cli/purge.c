/* mural purge, mural trim - memory back, now. */
#include "command.h"

#include "common/size.h"

#include <stdio.h>
#include <string.h>

static enum exit_status throw_away(uint64_t bytes)
{
	char size[SIZE_TEXT_MAX];
	struct mural *mural;
	uint64_t freed;
	int r = connect_to_running(&mural);
	if (r == -ECONNREFUSED) {
		puts("no producer is running: nothing to throw away");
		return EXIT_DONE;
	}
	if (r < 0) {
		complain(NULL, "%s", open_error_text(r));
		return EXIT_FAILED;
	}
	if (bytes == UINT64_MAX)
		r = mural_purge(mural, COMMAND_TIMEOUT_MS, &freed);
	else
		r = mural_trim(mural, bytes, COMMAND_TIMEOUT_MS, &freed);
	mural_close(mural);
	if (r < 0) {
		complain(NULL, "%s", open_error_text(r));
		return EXIT_FAILED;
	}
	printf("%s given back\n", size_text(freed, size));
	return EXIT_DONE;
}

enum exit_status purge_run(int argc, char **argv)
{
	parse_nothing(argc, argv,
		"Throw away everything that nobody pins. Programs that show the pictures have them "
		"decoded again when they "
		"need them.");
	return throw_away(UINT64_MAX);
}

static error_t parse_trim(int key, char *argument, struct argp_state *state)
{
	uint64_t *bytes = state->input;
	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_error(state, "more than one size");
		else if (!size_parse(argument, bytes))
			argp_error(state, "not a size: %s", argument);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no size given");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

enum exit_status trim_run(int argc, char **argv)
{
	const struct argp argp = {
		.parser = parse_trim,
		.args_doc = "SIZE",
		.doc = "Throw away at least SIZE (64M, 1G) of what nobody pins: empty regions "
		       "first, then what was not used for "
		       "longest.",
	};
	uint64_t bytes = 0;
	argp_parse(&argp, argc, argv, 0, NULL, &bytes);
	return throw_away(bytes);
}
