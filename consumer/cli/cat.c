/* mural cat - pictures to standard output, decoded by the pool. */
#include "command.h"
#include "formats.h"
#include "input.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A picture that is purged again and again before it can be pinned: memory is so short that giving
 * up is the better answer. */
#define DECODES_MAX 8
/* What may come through a pipe, and is kept in memory. */
#define INPUT_MAX ((uint64_t)1 << 30)

struct cat_options {
	uint32_t box_width, box_height;
	uint32_t flags;        /* enum mural_request_flags */
	uint32_t pixel_format; /* 0: not given */
	format_fn *write;
	char **files; /* points into argv */
	int file_count;
};

enum cat_key {
	KEY_AS_STORED = 256,
	KEY_PARTIAL,
	KEY_PIXEL_FORMAT,
	KEY_WAIT,
	KEY_PREVIEW,
};

static const struct argp_option cat_options[] = {
	{"size", 's', "N|WxH", 0, "Fit into a box, in pixels; pictures are never enlarged", 0},
	{"as-stored", KEY_AS_STORED, NULL, 0,
		"Do not turn the picture upright by its EXIF orientation", 0},
	{"format", 'f', "pam|png|raw", 0, "What to write (default: pam)", 0},
	{"pixel-format", KEY_PIXEL_FORMAT, "xrgb8888|argb8888|rgb565", 0,
		"With --format raw: the pixels, in SDL's names and byte order (default: xrgb8888)",
		0},
	{"partial", KEY_PARTIAL, NULL, 0,
		"Write what there is of a file that is cut short or damaged", 0},
	{"preview", KEY_PREVIEW, NULL, 0,
		"Write the coarse version that viewers show first, where there is one", 0},
	{"wait", KEY_WAIT, NULL, 0, "When all the pool is pinned, wait for room instead of failing",
		0},
	{0},
};

/* "512" or "640x480". */
static bool parse_box(const char *text, uint32_t *ret_width, uint32_t *ret_height)
{
	unsigned width, height;
	int end = 0;
	if (strspn(text, "0123456789x") != strlen(text) || *text == 'x')
		return false;
	if (sscanf(text, "%6ux%6u%n", &width, &height, &end) != 2 || text[end]) {
		end = 0;
		if (sscanf(text, "%6u%n", &width, &end) != 1 || text[end])
			return false;
		height = width;
	}
	if (width < 1 || height < 1 || width > MURAL_SIDE_MAX || height > MURAL_SIDE_MAX)
		return false;
	*ret_width = width;
	*ret_height = height;
	return true;
}

static uint32_t parse_pixel_format(const char *text)
{
	static const struct {
		const char *name;
		uint32_t format;
	} formats[] = {
		{"xrgb8888", MURAL_FORMAT_XRGB8888},
		{"argb8888", MURAL_FORMAT_ARGB8888},
		{"rgb565", MURAL_FORMAT_RGB565},
	};
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcasecmp(text, formats[i].name) == 0)
			return formats[i].format;
	}
	return 0;
}

static format_fn *parse_format(const char *text)
{
	if (strcmp(text, "pam") == 0)
		return write_pam;
	if (strcmp(text, "png") == 0)
		return write_png;
	if (strcmp(text, "raw") == 0)
		return write_raw;
	return NULL;
}

static void check_together(const struct cat_options *options, struct argp_state *state)
{
	if (options->pixel_format && options->write != write_raw)
		argp_error(state, "--pixel-format needs --format raw");
	if (isatty(STDOUT_FILENO))
		argp_error(state,
			"standard output is a terminal: send the picture to a file or a program");
}

static error_t parse_cat(int key, char *argument, struct argp_state *state)
{
	struct cat_options *options = state->input;
	switch (key) {
	case 's':
		if (!parse_box(argument, &options->box_width, &options->box_height))
			argp_error(state, "not a size in pixels: %s", argument);
		return 0;
	case KEY_AS_STORED:
		options->flags |= MURAL_REQUEST_AS_STORED;
		return 0;
	case KEY_PARTIAL:
		options->flags |= MURAL_REQUEST_ALLOW_PARTIAL;
		return 0;
	case KEY_PREVIEW:
		options->flags |= MURAL_REQUEST_PREVIEW;
		return 0;
	case KEY_WAIT:
		options->flags |= MURAL_REQUEST_WAIT;
		return 0;
	case 'f':
		options->write = parse_format(argument);
		if (!options->write)
			argp_error(state, "not pam, png or raw: %s", argument);
		return 0;
	case KEY_PIXEL_FORMAT:
		options->pixel_format = parse_pixel_format(argument);
		if (!options->pixel_format)
			argp_error(state, "not xrgb8888, argb8888 or rgb565: %s", argument);
		return 0;
	case ARGP_KEY_ARGS:
		options->files = state->argv + state->next;
		options->file_count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no file named");
		return 0;
	case ARGP_KEY_SUCCESS:
		check_together(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- one picture ---- */

struct picture {
	const char *file;
	bool asked;
	struct mural_bitmap *bitmap; /* NULL: not asked for, or refused */
	int error;                   /* why it was refused */
};

/* What is asked of the pool, and what is there to be shown. */
struct cat {
	const struct cat_options *options;
	struct mural *mural;
	struct output *output;
	int input; /* owned: standard input; -1: not read yet */
};

static bool is_input(const char *file)
{
	return strcmp(file, "-") == 0;
}

/* Standard input is read once, however often it is named. */
static void ask(struct cat *cat, struct picture *picture, uint32_t priority)
{
	const struct cat_options *options = cat->options;
	bool input = is_input(picture->file);
	picture->asked = true;
	if (input && cat->input < 0)
		picture->error = input_open(STDIN_FILENO, INPUT_MAX, &cat->input);
	if (picture->error < 0)
		return;
	struct mural_request request = {
		.path = input ? NULL : picture->file,
		.fd = input ? cat->input : -1,
		.box_width = options->box_width,
		.box_height = options->box_height,
		.format = options->write != write_raw ? MURAL_FORMAT_ARGB8888
			  : options->pixel_format     ? options->pixel_format
						      : MURAL_FORMAT_XRGB8888,
		.flags = options->flags,
		.priority = priority,
	};
	picture->error = mural_request(cat->mural, &request, &picture->bitmap);
}

/* The request is well formed, so that what is left of -EINVAL is the file's kind. */
static const char *refusal_text(int error)
{
	switch (error) {
	case -EISDIR:
		return "a folder, not a picture";
	case -EINVAL:
		return "not a regular file";
	case -EBADF:
		return "closed, or open for writing alone";
	case -EFBIG:
		return "too large (of a pipe at most 1 GiB is taken)";
	default:
		return strerror(-error);
	}
}

static bool complain_of(const struct picture *picture, int error)
{
	const char *text = NULL;
	if (picture->bitmap && mural_bitmap_error(picture->bitmap, NULL, &text) < 0 && text &&
		*text)
		complain(picture->file, "%s", text);
	else
		complain(picture->file, "%s", refusal_text(error));
	return false;
}

/* Decoded and pinned; what was purged between the two is decoded again. */
static int wait_and_pin(struct mural_bitmap *bitmap, struct mural_view *ret)
{
	for (int decodes = 0; decodes < DECODES_MAX; decodes++) {
		int r = mural_bitmap_wait(bitmap, -1);
		if (r == 0)
			r = mural_bitmap_pin_wait(bitmap, -1, ret);
		if (r != ASHMEM_WAS_PURGED)
			return r;
		r = mural_bitmap_redecode(bitmap, MURAL_PRIORITY_VISIBLE);
		if (r < 0)
			return r;
	}
	return -ENOMEM;
}

/* False: it could not be shown, or not be written (then output->error says why). */
static bool show(const struct cat *cat, const struct picture *picture)
{
	struct mural_view view;
	struct output *output = cat->output;
	if (!picture->bitmap)
		return complain_of(picture, picture->error);
	int r = wait_and_pin(picture->bitmap, &view);
	if (r < 0)
		return complain_of(picture, r);
	r = cat->options->write(output, &view);
	if (r == 0)
		r = output_flush(output);
	if (r == 0 && view.flags & MURAL_BITMAP_PARTIAL)
		complain(picture->file, "incomplete: what is missing was filled in");
	mural_bitmap_unpin(picture->bitmap);
	if (r < 0 && output->error == 0)
		return complain_of(picture, r);
	return r == 0;
}

/* Each picture is asked for before the one ahead of it is written, so that decoding and writing
 * overlap; but standard input, which may take as long as it likes to come to its end, is read when
 * all before it has been written. */
static enum exit_status show_all(struct cat *cat)
{
	enum exit_status status = EXIT_DONE;
	struct picture next = {0};
	for (int i = 0; i < cat->options->file_count && cat->output->error == 0; i++) {
		struct picture picture = next;
		picture.file = cat->options->files[i];
		if (!picture.asked && !is_input(picture.file))
			ask(cat, &picture, MURAL_PRIORITY_VISIBLE);
		next = (struct picture){0};
		if (i + 1 < cat->options->file_count) {
			next.file = cat->options->files[i + 1];
			if (!is_input(next.file) || cat->input >= 0)
				ask(cat, &next, MURAL_PRIORITY_SOON);
		}
		if (!picture.asked)
			ask(cat, &picture, MURAL_PRIORITY_VISIBLE);
		if (picture.bitmap)
			mural_bitmap_set_priority(picture.bitmap, MURAL_PRIORITY_VISIBLE);
		if (!show(cat, &picture))
			status = EXIT_FAILED;
		mural_bitmap_unref(picture.bitmap);
	}
	mural_bitmap_unref(next.bitmap);
	return status;
}

static void mural_close_p(struct mural **mural)
{
	mural_close(*mural);
}

enum exit_status cat_run(int argc, char **argv)
{
	const struct argp argp = {
		.options = cat_options,
		.parser = parse_cat,
		.args_doc = "FILE...",
		.doc = "Write pictures to standard output, decoded by the pool.\v"
		       "- as FILE is standard input. PAM and PNG have an alpha channel when the "
		       "file has transparency. Starts the producer when it is not running.",
	};
	struct cat_options options = {.write = write_pam};
	argp_parse(&argp, argc, argv, 0, NULL, &options);

	CLEANUP(mural_close_p) struct mural *mural = NULL;
	CLEANUP(free_p) struct output *output = calloc(1, sizeof(*output));
	if (!output) {
		complain(NULL, "%s", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	output->fd = STDOUT_FILENO;
	int r = mural_open(&(struct mural_options){.name = "mural cat"}, &mural);
	if (r < 0) {
		complain(NULL, "%s", mural_open_error_text(r));
		return EXIT_FAILED;
	}
	struct cat cat = {.options = &options, .mural = mural, .output = output, .input = -1};
	enum exit_status status = show_all(&cat);
	close_p(&cat.input);
	/* A reader that has seen enough is no news. */
	if (output->error < 0 && output->error != -EPIPE)
		complain("standard output", "%s", strerror(-output->error));
	return status;
}
