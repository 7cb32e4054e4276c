/* mural stat - what the pool holds and did. */
#include "command.h"
#include "stat_fields.h"

#include <errno.h>
#include <string.h>

struct stat_options {
	bool json;
};

static error_t parse_stat(int key, char *argument, struct argp_state *state)
{
	struct stat_options *options = state->input;
	(void)argument;
	if (key != 'j')
		return ARGP_ERR_UNKNOWN;
	options->json = true;
	return 0;
}

static bool print_json(const struct mural_stats *stats)
{
	json_t *object = stats_to_json(stats);
	if (!object)
		return false;
	json_dumpf(object, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(object);
	return true;
}

enum exit_status stat_run(int argc, char **argv)
{
	static const struct argp_option table[] = {
		{"json", 'j', NULL, 0,
			"For programs: one object, bytes and counts under the names of "
			"mural_types.h",
			0},
		{0},
	};
	const struct argp argp = {
		.options = table,
		.parser = parse_stat,
		.doc = "Show what the pool holds and did. Does not start a producer.",
	};
	struct stat_options options = {0};
	struct mural *mural;
	struct mural_stats stats;
	argp_parse(&argp, argc, argv, 0, NULL, &options);

	int r = connect_to_running(&mural);
	if (r < 0) {
		complain(NULL, "%s", open_error_text(r));
		return EXIT_FAILED;
	}
	r = mural_stat(mural, COMMAND_TIMEOUT_MS, &stats);
	mural_close(mural);
	if (r < 0) {
		complain(NULL, "%s", open_error_text(r));
		return EXIT_FAILED;
	}
	if (!options.json) {
		stats_print(stdout, &stats);
	} else if (!print_json(&stats)) {
		complain(NULL, "%s", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}
