/* mural top - the statistics again and again: in place on a terminal, block after block elsewhere.
 */
#include "command.h"
#include "stat_fields.h"

#include "common/standard.h"
#include "common/util.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>

struct top_options {
	double seconds;
	long count; /* 0: for ever */
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* Everything of @text, and nothing else, is the number. */
static bool parse_number(const char *text, double least, double most, double *ret)
{
	char *end;
	double value = strtod(text, &end);
	if (end == text || *end || !(value >= least && value <= most))
		return false;
	*ret = value;
	return true;
}

static error_t parse_top(int key, char *argument, struct argp_state *state)
{
	struct top_options *options = state->input;
	double count;
	switch (key) {
	case 'd':
		if (!parse_number(argument, 0.05, 86400, &options->seconds))
			argp_error(state, "not a number of seconds from 0.05 on: %s", argument);
		return 0;
	case 'n':
		if (!parse_number(argument, 1, 1e9, &count) || count != (double)(long)count)
			argp_error(state, "not a count: %s", argument);
		options->count = (long)count;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- the terminal: keys come at once and unseen, until it is given back ---- */

struct terminal {
	bool in_place, has_keys;
	struct termios before;
};

static void terminal_init(struct terminal *terminal)
{
	terminal->in_place = isatty(STDOUT_FILENO);
	terminal->has_keys = terminal->in_place && isatty(STDIN_FILENO) &&
			     tcgetattr(STDIN_FILENO, &terminal->before) == 0;
	if (!terminal->has_keys)
		return;
	struct termios raw = terminal->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	struct sigaction action = {.sa_handler = stop};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void terminal_fini(const struct terminal *terminal)
{
	if (terminal->has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal->before);
}

static bool key_quits(void)
{
	char key;
	ssize_t got = read(STDIN_FILENO, &key, 1);
	return got == 0 || (got == 1 && key == 'q');
}

/* Sleeps until the next block is due. False: it is time to end. */
static bool pause_until(const struct terminal *terminal, struct mural *mural, uint64_t due_ns)
{
	while (!stopped) {
		uint64_t now = monotonic_ns();
		if (now >= due_ns)
			return true;
		struct pollfd wait[2] = {
			{.fd = mural_fd(mural), .events = POLLIN},
			{.fd = terminal->has_keys ? STDIN_FILENO : -1, .events = POLLIN},
		};
		int ready = poll(wait, 2, (int)((due_ns - now) / 1000000u) + 1);
		if (ready > 0 && wait[1].revents && key_quits())
			return false;
		if (ready > 0 && wait[0].revents)
			mural_dispatch(mural);
	}
	return false;
}

/* ---- a block ---- */

static double rate(uint64_t now, uint64_t before, double seconds)
{
	return now >= before && seconds > 0 ? (double)(now - before) / seconds : 0.0;
}

/* What happened since the last block; another instance starts from nothing. */
static void print_rates(const struct mural_stats *now, const struct mural_stats *before)
{
	struct mural_stats none = {0};
	if (now->instance != before->instance)
		before = &none;
	double seconds = (double)(now->uptime_ms - before->uptime_ms) / 1000;
	printf("a second %.1f requests, %.1f found, %.1f decodes, %.1f of them again, %.1f "
	       "purges\n",
		rate(now->requests, before->requests, seconds),
		rate(now->hits, before->hits, seconds),
		rate(now->decodes, before->decodes, seconds),
		rate(now->redecodes, before->redecodes, seconds),
		rate(now->purges, before->purges, seconds));
}

/* 1: it can not be written. */
static int show_block(
	const struct terminal *terminal, struct mural *mural, struct mural_stats *last)
{
	struct mural_stats stats;
	int r = mural_stat(mural, COMMAND_TIMEOUT_MS, &stats);
	if (r < 0)
		return r;
	if (terminal->in_place)
		fputs("\033[H\033[J", stdout);
	stats_print(stdout, &stats);
	print_rates(&stats, last);
	putchar('\n');
	*last = stats;
	return standard_flush() ? 0 : 1;
}

static enum exit_status watch(
	const struct top_options *options, const struct terminal *terminal, struct mural *mural)
{
	struct mural_stats last = {0};
	uint64_t due = monotonic_ns();
	for (long shown = 0; options->count == 0 || shown < options->count; shown++) {
		if (!pause_until(terminal, mural, due))
			return EXIT_DONE;
		int r = show_block(terminal, mural, &last);
		if (r > 0)
			return EXIT_FAILED;
		if (r < 0) {
			complain(NULL, "%s",
				r == -ECONNRESET ? "the producer has ended" : open_error_text(r));
			return EXIT_FAILED;
		}
		due += (uint64_t)(options->seconds * 1e9);
	}
	return EXIT_DONE;
}

enum exit_status top_run(int argc, char **argv)
{
	static const struct argp_option table[] = {
		{"delay", 'd', "SECONDS", 0, "Between two looks (default: 1)", 0},
		{"count", 'n', "COUNT", 0, "End after so many (default: never)", 0},
		{0},
	};
	const struct argp argp = {
		.options = table,
		.parser = parse_top,
		.doc = "Show what the pool holds and does, again and again. q ends it. Where "
		       "standard output is not a terminal, one "
		       "block of text follows the other.",
	};
	struct top_options options = {.seconds = 1};
	struct terminal terminal;
	struct mural *mural;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	int r = connect_to_running(&mural);
	if (r < 0) {
		complain(NULL, "%s", open_error_text(r));
		return EXIT_FAILED;
	}
	terminal_init(&terminal);
	enum exit_status status = watch(&options, &terminal, mural);
	terminal_fini(&terminal);
	mural_close(mural);
	return status;
}
