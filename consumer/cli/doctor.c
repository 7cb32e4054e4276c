/* mural doctor - what this machine offers, and what to change. */
#include "doctor.h"
#include "command.h"

#include "common/utf8.h"
#include "common/util.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct check {
	const char *name; /* also for programs that read --json: stays as it is */
	check_fn *look;
};

static const struct check checks[] = {
	{"shared-memory", check_memfd},
	{"ashmem", check_ashmem},
	{"seccomp", check_seccomp},
	{"landlock", check_landlock},
	{"memfd-noexec", check_noexec},
	{"memory", check_memory},
	{"huge-pages", check_huge_pages},
	{"cgroup", check_cgroup},
	{"pressure", check_pressure},
	{"descriptors", check_descriptors},
	{"runtime-folder", check_runtime_folder},
	{"program", check_program},
	{"producer", check_producer},
	{"re-decodes", check_thrashing},
};

static const char *const state_names[] = {
	[FINDING_OK] = "ok",
	[FINDING_NOTE] = "note",
	[FINDING_PROBLEM] = "problem",
};

void finding_set(struct finding *finding, enum finding_state state, const char *format, ...)
{
	va_list arguments;
	finding->state = state;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
	utf8_tame(finding->text, strlen(finding->text));
}

void finding_advise(struct finding *finding, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(finding->advice, sizeof(finding->advice), format, arguments);
	va_end(arguments);
	utf8_tame(finding->advice, strlen(finding->advice));
}

bool read_line(const char *path, char *ret, size_t size)
{
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, ret, size - 1);
	if (got < 0)
		return false;
	ret[got] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return true;
}

static void ask_producer(struct doctor *doctor)
{
	struct mural *mural;
	doctor->connected = connect_to_running(&mural);
	if (doctor->connected < 0)
		return;
	doctor->connected = mural_stat(mural, COMMAND_TIMEOUT_MS, &doctor->stats);
	mural_close(mural);
}

static void print_text(const struct finding *findings)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		printf("%-8s %-15s %s\n", state_names[findings[i].state], checks[i].name,
			findings[i].text);
		if (findings[i].advice[0])
			printf("%-8s %-15s -> %s\n", "", "", findings[i].advice);
	}
}

static bool print_json(const struct finding *findings, unsigned problems)
{
	json_t *list = json_array();
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s}", "name", checks[i].name, "state",
				      state_names[findings[i].state], "text", findings[i].text,
				      "advice", findings[i].advice));
	}
	json_t *object = json_pack("{s:s, s:i, s:o}", "version", MURAL_VERSION, "problems",
		(int)problems, "checks", list);
	bool good = object && json_array_size(list) == ARRAY_SIZE(checks);
	if (good) {
		json_dumpf(object, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
	}
	json_decref(object);
	return good;
}

static error_t parse_doctor(int key, char *argument, struct argp_state *state)
{
	bool *json = state->input;
	(void)argument;
	if (key != 'j')
		return ARGP_ERR_UNKNOWN;
	*json = true;
	return 0;
}

enum exit_status doctor_run(int argc, char **argv)
{
	static const struct argp_option table[] = {
		{"json", 'j', NULL, 0,
			"For programs: name, state (ok, note, problem), text and advice of each "
			"check",
			0},
		{0},
	};
	const struct argp argp = {
		.options = table,
		.parser = parse_doctor,
		.doc = "Look at this machine, and say what to change.\v"
		       "note: it works, and could work better. problem: pictures will not be "
		       "shown, and the exit status is 1.",
	};
	struct finding findings[ARRAY_SIZE(checks)] = {0};
	struct doctor doctor = {0};
	unsigned problems = 0;
	bool json = false;
	argp_parse(&argp, argc, argv, 0, NULL, &json);

	ask_producer(&doctor);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		checks[i].look(&doctor, &findings[i]);
		problems += findings[i].state == FINDING_PROBLEM;
	}
	if (!json) {
		print_text(findings);
	} else if (!print_json(findings, problems)) {
		complain(NULL, "%s", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	return problems ? EXIT_FAILED : EXIT_DONE;
}
