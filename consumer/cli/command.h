/* cli/command.h - what the subcommands of `mural` share. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <argp.h>
#include <mural/mural.h>
#include <stdbool.h>

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* a picture cannot be shown, no producer, output cannot be written */
	EXIT_USAGE = 2,
};

struct command {
	const char *name;
	const char *summary;                            /* one line for `mural --help` */
	enum exit_status (*run)(int argc, char **argv); /* argv[0] is "mural NAME" */
};

enum exit_status cat_run(int argc, char **argv);
enum exit_status stat_run(int argc, char **argv);
enum exit_status top_run(int argc, char **argv);
enum exit_status purge_run(int argc, char **argv);
enum exit_status trim_run(int argc, char **argv);
enum exit_status doctor_run(int argc, char **argv);

#define COMMAND_TIMEOUT_MS 10000 /* for one answer of a producer */

/* "mural: SUBJECT: text" on standard error. @subject NULL: "mural: text". */
void complain(const char *subject, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A connection to the user's producer, if one runs: the commands that look at it or shrink it do
 * not start one. 0; -ECONNREFUSED: none runs; other errors as mural_open. */
int connect_to_running(struct mural **ret);

/* What an error of connect_to_running means, for a person. */
const char *open_error_text(int error);

/* Reads options that only exist to be shown: a command without any but --help. */
void parse_nothing(int argc, char **argv, const char *doc);

#endif
