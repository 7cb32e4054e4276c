/* make_assets: draws the pictures of this project. The committed ones come out byte for byte again
 * with the same libjpeg, libpng and zlib; the large ones are never committed, tests and benchmarks
 * make them when they need them. */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "formats.h"
#include "large.h"
#include "pictures.h"

const char *argp_program_version = "make_assets " MURAL_VERSION;

struct arguments {
	const char *all, *formats, *pictures, *large; /* folders */
	const char *only;
	const char *kind;
	unsigned megapixels;
};

static const struct argp_option options[] = {
	{"all", 'a', "DIR", 0, "Write every committed picture into DIR/formats and DIR/pictures",
		0},
	{"formats", 'f', "DIR", 0, "Write the small pictures that cover the file formats into DIR",
		0},
	{"pictures", 'p', "DIR", 0, "Write the pictures to look at into DIR", 0},
	{"only", 'o', "NAME", 0, "With --pictures: just the one with this file name", 0},
	{"large", 'l', "DIR", 0, "Write one large picture into DIR and print its path", 0},
	{"megapixels", 'm', "N", 0, "With --large: its size, 1 to 1000 (24)", 0},
	{"kind", 'k', "KIND", 0,
		"With --large: jpeg, progressive, restart, q95, grey or png (jpeg)", 0},
	{0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	char *end;

	switch (key) {
	case 'a':
		arguments->all = value;
		return 0;
	case 'f':
		arguments->formats = value;
		return 0;
	case 'p':
		arguments->pictures = value;
		return 0;
	case 'o':
		arguments->only = value;
		return 0;
	case 'l':
		arguments->large = value;
		return 0;
	case 'k':
		arguments->kind = value;
		return 0;
	case 'm':
		arguments->megapixels = (unsigned)strtoul(value, &end, 10);
		if (*end)
			argp_error(state, "%s is not a number of megapixels", value);
		return 0;
	case ARGP_KEY_END:
		if (!arguments->all && !arguments->formats && !arguments->pictures &&
			!arguments->large)
			argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	options, parse, NULL, "Draws Mural's own pictures.", NULL, NULL, NULL};

static void write_all(const char *folder)
{
	char path[PATH_MAX];

	folder_create(folder);
	(void)snprintf(path, sizeof(path), "%s/formats", folder);
	folder_create(path);
	formats_write(path);
	(void)snprintf(path, sizeof(path), "%s/pictures", folder);
	folder_create(path);
	pictures_write(path, NULL);
}

static int write_large(const struct arguments *arguments)
{
	char name[64];
	int r = large_write(arguments->large, arguments->megapixels, arguments->kind, name);

	if (r == 0)
		printf("%s/%s\n", arguments->large, name);
	else
		(void)fprintf(stderr, "make_assets: no %s of %u megapixels: %s\n", arguments->kind,
			arguments->megapixels, strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.kind = "jpeg", .megapixels = 24};

	argp_parse(&parser, argc, argv, 0, NULL, &arguments);
	if (arguments.all)
		write_all(arguments.all);
	if (arguments.formats) {
		folder_create(arguments.formats);
		formats_write(arguments.formats);
	}
	if (arguments.pictures) {
		folder_create(arguments.pictures);
		if (pictures_write(arguments.pictures, arguments.only) < 0) {
			(void)fprintf(stderr, "make_assets: %s: no such picture\n", arguments.only);
			return 2;
		}
	}
	if (arguments.large) {
		folder_create(arguments.large);
		if (write_large(&arguments) < 0)
			return 2;
	}
	return 0;
}
