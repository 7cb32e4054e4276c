/* mural - pictures through the shared pool, and the pool itself, from the command line. */
#include "command.h"

#include "common/log.h"
#include "common/standard.h"
#include "common/util.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* libc looks for it by name: it must not be hidden as everything else is. */
__attribute__((visibility("default"))) const char *argp_program_version = "mural " MURAL_VERSION;

static const struct command commands[] = {
	{"cat", "Write pictures to standard output, decoded by the pool", cat_run},
	{"stat", "Show what the pool holds and did", stat_run},
	{"top", "Show it again and again", top_run},
	{"purge", "Throw away everything that nobody pins", purge_run},
	{"trim", "Throw away a number of bytes that nobody pins", trim_run},
	{"doctor", "Look at this machine, and say what to change", doctor_run},
};

void complain(const char *subject, const char *format, ...)
{
	CLEANUP(free_p) char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	log_line(LOG_ERROR, "%s%s%s", subject ? subject : "", subject ? ": " : "",
		text ? text : format);
}

int connect_to_running(struct mural **ret)
{
	static const struct mural_options options = {.flags = MURAL_OPEN_NO_START, .name = "mural"};
	return mural_open(&options, ret);
}

const char *open_error_text(int error)
{
	return error == -ECONNREFUSED ? "no producer is running" : mural_open_error_text(error);
}

void parse_nothing(int argc, char **argv, const char *doc)
{
	const struct argp argp = {.doc = doc};
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
}

struct choice {
	const struct command *command;
	int at; /* the command's place in argv */
};

static const struct command *command_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

/* Stops at the first word that is not an option: the rest belongs to the command. */
static error_t parse_choice(int key, char *argument, struct argp_state *state)
{
	struct choice *choice = state->input;
	switch (key) {
	case ARGP_KEY_ARG:
		choice->command = command_named(argument);
		if (!choice->command)
			argp_error(state, "no command \"%s\"", argument);
		choice->at = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The list of commands, behind the options of `mural --help`. argp frees what is not the text it
 * gave. */
static char *list_commands(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t size = 0;
	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	FILE *file = open_memstream(&list, &size);
	if (!file)
		return NULL;
	fputs("Commands:\n", file);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(file, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`mural COMMAND --help' tells more of each.", file);
	fclose(file);
	return list;
}

int main(int argc, char **argv)
{
	const struct argp argp = {
		.parser = parse_choice,
		.args_doc = "COMMAND [OPTION...] [ARGUMENT...]",
		.doc = "Pictures through the shared pool, and the pool itself.\v ",
		.help_filter = list_commands,
	};
	struct choice choice = {0};
	char name[32];

	standard_setup(EXIT_FAILED);
	argp_err_exit_status = EXIT_USAGE;
	/* A reader that has gone is an error of write(2), told by the exit status. */
	signal(SIGPIPE, SIG_IGN);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &choice);
	snprintf(name, sizeof(name), "mural %s", choice.command->name);
	argv[choice.at] = name;
	return choice.command->run(argc - choice.at, argv + choice.at);
}
