/* mural-viewer - shows pictures that another process decodes. */
#include "viewer/headless.h"
#include "viewer/list.h"
#include "viewer/names.h"
#include "viewer/window.h"

#include "common/log.h"
#include "common/standard.h"
#include "common/util.h"

#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SIDE_MAX                                                                                   \
	16384 /* of the window: its image is two times 4 bytes a pixel of our own memory           \
	       */

/* libc looks for it by name: it must not be hidden as everything else is. */
__attribute__((visibility("default"))) const char *argp_program_version =
	"mural-viewer " MURAL_VERSION;

struct arguments {
	struct app_options app;
	struct window_size size;
	bool size_given, headless, fullscreen;
	const char *keys, *snapshot, *tour;
	const char *sort; /* NULL: not given */
	const char **paths;
	size_t count;
	struct names names; /* instead of paths, when they were read */
};

enum {
	OPTION_HEADLESS = 256,
	OPTION_SIZE,
	OPTION_KEYS,
	OPTION_SNAPSHOT,
	OPTION_TOUR,
	OPTION_SOCKET,
	OPTION_PRIVATE,
	OPTION_ONLY,
	OPTION_FILES_FROM,
	OPTION_SORT,
	OPTION_WHEEL,
	OPTION_LIST_KEYS,
};

static const struct argp_option options[] = {
	{"recursive", 'r', NULL, 0, "Look for pictures in folders inside folders, too", 1},
	{"only", OPTION_ONLY, NULL, 0, "A single file: do not bring along the others of its folder",
		1},
	{"files-from", OPTION_FILES_FROM, "FILE", 0,
		"Show what FILE names, in its order: a name a line, or a NUL behind each (-: "
		"standard input)",
		1},
	{"sort", OPTION_SORT, "name|none", 0,
		"The order of what is named (default: name; none: as it is named)", 1},
	{"gallery", 'g', NULL, 0, "Begin with the gallery", 2},
	{"fullscreen", 'f', NULL, 0, "Begin in full screen", 2},
	{"slideshow", 's', "SECONDS", OPTION_ARG_OPTIONAL,
		"Begin with a slide show, a picture each SECONDS (default 4)", 2},
	{"info", 'i', NULL, 0, "Begin with the info line", 2},
	{"memory", 'm', NULL, 0, "Begin with the memory line", 2},
	{"wheel", OPTION_WHEEL, "zoom|leaf", 0, "What the mouse wheel does (default: zoom)", 2},
	{"size", OPTION_SIZE, "WxH", 0,
		"Size of the window (default: 1280x800, or what fits the screen)", 2},
	{"socket", OPTION_SOCKET, "PATH", 0, "The producer's socket", 3},
	{"private", OPTION_PRIVATE, NULL, 0, "A producer of its own instead of the user's", 3},
	{"headless", OPTION_HEADLESS, NULL, 0, "No window; see --keys and --snapshot", 4},
	{"keys", OPTION_KEYS, "LIST", 0,
		"Headless: play these keys, separated by commas; also wait, wait:MS, "
		"snapshot:FILE.png",
		4},
	{"snapshot", OPTION_SNAPSHOT, "FILE.png", 0,
		"Headless: write what the window shows in the end", 4},
	{"tour", OPTION_TOUR, "FOLDER", 0,
		"Headless: a short tour, written as pictures into FOLDER", 4},
	{"list-keys", OPTION_LIST_KEYS, NULL, 0, "Print the keys and what they do", 5},
	{0},
};

static void print_keys(void)
{
	size_t count;
	const struct action_info *table = keys_table(&count);
	for (size_t i = 0; i < count; i++) {
		char keys[64] = "";
		for (size_t k = 0; k < KEYS_MAX && table[i].keys[k]; k++)
			snprintf(keys + strlen(keys), sizeof(keys) - strlen(keys), "%s%s",
				k ? " " : "", table[i].keys[k]);
		printf("%-16s %-14s %s\n", table[i].name, keys, table[i].help);
	}
}

static bool parse_size(const char *text, struct window_size *ret)
{
	unsigned width, height;
	char after;
	if (sscanf(text, "%5ux%5u%c", &width, &height, &after) != 2 || width == 0 || height == 0 ||
		width > SIDE_MAX || height > SIDE_MAX)
		return false;
	*ret = (struct window_size){width, height};
	return true;
}

static bool parse_seconds(const char *text, uint32_t *ret_ms)
{
	char *end;
	double seconds = strtod(text, &end);
	if (end == text || *end != '\0' || !(seconds >= 0.1 && seconds <= 86400))
		return false;
	*ret_ms = (uint32_t)lround(seconds * 1000);
	return true;
}

static void parse_wheel(const char *text, struct arguments *arguments, struct argp_state *state)
{
	if (strcmp(text, "zoom") != 0 && strcmp(text, "leaf") != 0)
		argp_error(state, "--wheel: zoom or leaf, not '%s'", text);
	arguments->app.wheel_leafs = text[0] == 'l';
}

static void parse_sort(const char *text, struct arguments *arguments, struct argp_state *state)
{
	if (strcmp(text, "none") != 0 && strcmp(text, "name") != 0)
		argp_error(state, "--sort: name or none, not '%s'", text);
	arguments->sort = text;
}

static void read_names(const char *path, struct arguments *arguments, struct argp_state *state)
{
	names_fini(&arguments->names);
	int r = names_read(path, &arguments->names);
	if (r == -E2BIG)
		argp_failure(state, 1, 0,
			"--files-from: %s: more than %zu names, or %zu MiB of them", path,
			NAMES_MAX, NAMES_BYTES_MAX >> 20);
	if (r < 0)
		argp_failure(state, 1, -r, "--files-from: %s", path);
	if (arguments->names.count == 0)
		argp_failure(state, 1, 0, "--files-from: %s: it names nothing", path);
	arguments->app.list_flags &= ~(unsigned)LIST_SIBLINGS;
}

/* What was read stands for what would have been named. */
static void take_names(struct arguments *arguments, struct argp_state *state)
{
	if (arguments->names.count == 0)
		return;
	if (arguments->count > 0)
		argp_error(state, "--files-from: files are named besides");
	arguments->paths = arguments->names.names;
	arguments->count = arguments->names.count;
}

/* Whoever makes a list has an order in mind. */
static void take_order(struct arguments *arguments)
{
	bool as_named =
		arguments->sort ? strcmp(arguments->sort, "none") == 0 : arguments->names.count > 0;
	if (as_named)
		arguments->app.list_flags |= LIST_AS_NAMED;
}

static void check(const struct arguments *arguments, struct argp_state *state)
{
	CLEANUP(free_p) char *bad = NULL;
	if (arguments->headless && arguments->count == 0)
		argp_error(state, "--headless and --tour need something to show");
	if ((arguments->keys || arguments->snapshot) && !arguments->headless)
		argp_error(state, "--keys and --snapshot need --headless");
	if (arguments->keys && !headless_knows_keys(arguments->keys, &bad))
		argp_error(state, "--keys: '%s' is no key (see --list-keys)",
			bad ? bad : arguments->keys);
}

static error_t parse_start(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	switch (key) {
	case 'g':
		arguments->app.gallery = true;
		return 0;
	case 'f':
		arguments->fullscreen = true;
		return 0;
	case 'i':
		arguments->app.info = true;
		return 0;
	case 'm':
		arguments->app.memory = true;
		return 0;
	case 's':
		arguments->app.slideshow = true;
		if (argument && !parse_seconds(argument, &arguments->app.slideshow_ms))
			argp_error(state, "--slideshow: '%s' is no number of seconds from 0.1 on",
				argument);
		return 0;
	case OPTION_WHEEL:
		parse_wheel(argument, arguments, state);
		return 0;
	case OPTION_SIZE:
		if (!parse_size(argument, &arguments->size))
			argp_error(state, "--size: '%s' is no size such as 1280x800", argument);
		arguments->size_given = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	switch (key) {
	case 'r':
		arguments->app.list_flags |= LIST_RECURSIVE;
		return 0;
	case OPTION_ONLY:
		arguments->app.list_flags &= ~(unsigned)LIST_SIBLINGS;
		return 0;
	case OPTION_FILES_FROM:
		read_names(argument, arguments, state);
		return 0;
	case OPTION_SORT:
		parse_sort(argument, arguments, state);
		return 0;
	case OPTION_SOCKET:
		arguments->app.socket = argument;
		return 0;
	case OPTION_PRIVATE:
		arguments->app.private_pool = true;
		return 0;
	case OPTION_HEADLESS:
		arguments->headless = true;
		return 0;
	case OPTION_KEYS:
		arguments->keys = argument;
		return 0;
	case OPTION_SNAPSHOT:
		arguments->snapshot = argument;
		return 0;
	case OPTION_TOUR:
		arguments->tour = argument;
		arguments->headless = true;
		return 0;
	case OPTION_LIST_KEYS:
		print_keys();
		exit(0);
	case ARGP_KEY_ARG:
		arguments->paths[arguments->count++] = argument;
		return 0;
	case ARGP_KEY_END:
		take_names(arguments, state);
		take_order(arguments);
		check(arguments, state);
		return 0;
	default:
		return parse_start(key, argument, state);
	}
}

/* What could not be opened is told; what could is shown. Negative: there is nothing to show. */
static int open_paths(struct app *app, const struct arguments *arguments, struct window_size size)
{
	const char *bad = NULL;
	if (arguments->count == 0) {
		app_resize(app, size, monotonic_ns() / 1000000);
		return 0;
	}
	int r = app_open(
		app, arguments->paths, arguments->count, size, monotonic_ns() / 1000000, &bad);
	if (bad)
		log_line(LOG_ERROR, "%s: %s", bad, strerror(-r));
	else if (r == -ENOENT)
		log_line(LOG_ERROR, "%s: no pictures in it", arguments->paths[0]);
	else if (r < 0)
		log_line(LOG_ERROR, "%s", strerror(-r));
	return r;
}

static int run_headless(struct app *app, const struct arguments *arguments)
{
	int opened = open_paths(app, arguments, arguments->size);
	const char *error_path;
	app_error(app, &error_path);
	if (opened < 0 && !error_path)
		return 1;
	int r = headless_play(app, arguments->keys ? arguments->keys : "");
	if (r >= 0 && arguments->tour) {
		int toured = tour_run(app, arguments->tour);
		r = toured < 0 || toured > r ? toured : r;
	}
	if (r >= 0 && arguments->snapshot) {
		int written = headless_snapshot(app, arguments->snapshot);
		r = written < 0 || written > r ? written : r;
	}
	if (r < 0)
		log_line(LOG_ERROR, "%s", strerror(-r));
	return r != 0 || opened < 0 || app_failed(app);
}

/* In a window the first request is sent before SDL starts, so that the decode runs meanwhile. For
 * full screen the size has to be asked for first, of SDL where nobody else knows. */
static int run_window(struct app *app, struct arguments *arguments)
{
	struct window_place place = {
		.size = arguments->size,
		.restored = arguments->size,
		.fullscreen = arguments->fullscreen,
	};
	bool known = !place.fullscreen || window_find_screen(&place);
	if (known)
		open_paths(app, arguments, place.size);
	bool started = window_start();
	if (started && !known) {
		window_screen_size(&place.size);
		open_paths(app, arguments, place.size);
	}
	if (started && !arguments->size_given) {
		window_keep_on_screen(&place.restored);
		if (!place.fullscreen)
			place.size = place.restored;
	}
	bool shown = started && window_run(app, &place);
	if (!shown)
		log_line(LOG_ERROR, "no window: %s (--headless and --tour work without one)",
			window_error());
	return shown ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {options, parse, "[FILE|FOLDER…]",
		"Shows pictures that live in Mural's shared, purgeable memory.", NULL, NULL, NULL};
	CLEANUP(free_p) const char **paths = calloc((size_t)argc, sizeof(*paths));
	struct arguments arguments = {
		.app = {.list_flags = LIST_SIBLINGS, .slideshow_ms = 4000},
		.size = {1280, 800},
		.paths = paths,
	};
	struct app *app;
	log_setup("mural-viewer", LOG_WARNING);
	standard_setup(1);
	argp_err_exit_status = 2;
	if (!paths)
		return 1;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	arguments.app.still = arguments.headless;
	arguments.app.follow = !arguments.headless;
	arguments.app.notes = arguments.tour != NULL;
	int r = app_create(&arguments.app, &app);
	if (r < 0) {
		log_line(LOG_ERROR, "%s", mural_open_error_text(r));
		return 1;
	}
	int status =
		arguments.headless ? run_headless(app, &arguments) : run_window(app, &arguments);
	app_destroy(app);
	names_fini(&arguments.names);
	if (!arguments.headless)
		window_stop();
	return status;
}
