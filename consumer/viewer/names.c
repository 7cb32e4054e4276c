/* Ten thousand names do not fit into every command line. */
#include "viewer/names.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>

void names_fini(struct names *names)
{
	free(names->text);
	free(names->names);
	*names = (struct names){0};
}

/* The whole file, with a NUL behind it. */
static int read_text(FILE *file, char **ret_text, size_t *ret_size)
{
	size_t size = 0, room = 0;
	CLEANUP(free_p) char *text = NULL;
	do {
		if (room >= NAMES_BYTES_MAX)
			return -E2BIG;
		room = room ? 2 * room : 4096;
		char *larger = realloc(text, room + 1);
		if (!larger)
			return -ENOMEM;
		text = larger;
		size += fread(text + size, 1, room - size, file);
	} while (size == room);
	if (ferror(file))
		return errno > 0 ? -errno : -EIO;
	text[size] = '\0';
	*ret_text = take_ptr(&text);
	*ret_size = size;
	return 0;
}

/* Lists that come from other systems have a carriage return before each newline; names that end
 * with one have to be told apart by NULs. */
static void end_lines(char *text)
{
	for (char *at = text; (at = strchr(at, '\n')); at++) {
		*at = '\0';
		if (at > text && at[-1] == '\r')
			at[-1] = '\0';
	}
}

static int split(struct names *names, size_t size)
{
	char *text = names->text, *end = text + size;
	if (!memchr(text, '\0', size))
		end_lines(text);
	size_t most = 0;
	for (const char *at = text; at < end; at += strlen(at) + 1)
		most += *at != '\0';
	if (most > NAMES_MAX)
		return -E2BIG;
	names->names = calloc(most + 1, sizeof(*names->names));
	if (!names->names)
		return -ENOMEM;
	for (const char *at = text; at < end; at += strlen(at) + 1)
		if (*at)
			names->names[names->count++] = at;
	return 0;
}

static void fclose_p(FILE **file)
{
	if (*file && *file != stdin)
		fclose(*file);
}

int names_read(const char *path, struct names *ret)
{
	CLEANUP(fclose_p) FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	CLEANUP(names_fini) struct names names = {0};
	size_t size;
	if (!file)
		return -errno;
	int r = read_text(file, &names.text, &size);
	if (r == 0)
		r = split(&names, size);
	if (r < 0)
		return r;
	*ret = names;
	names = (struct names){0};
	return 0;
}
