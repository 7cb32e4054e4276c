/* What a program says on standard error; one write a line, so that lines of several processes do
 * not mix. */
#include "common/log.h"

#include "common/utf8.h"
#include "common/util.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *log_name = "mural";
static enum log_level log_last = LOG_WARNING;
static bool log_journal;

void log_setup(const char *name, enum log_level level)
{
	log_name = name;
	log_last = level;
	log_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_line(enum log_level level, const char *format, ...)
{
	static const char *const journal_levels[] = {"<3>", "<4>", "<6>", "<7>"};
	if (level > log_last)
		return;
	char line[PATH_MAX + 512];
	int used = snprintf(
		line, sizeof(line), "%s%s: ", log_journal ? journal_levels[level] : "", log_name);
	va_list args;
	va_start(args, format);
	int more = vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, args);
	va_end(args);
	size_t length = (size_t)used + (more < 0 ? 0 : (size_t)more);
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	/* A file may be called anything, and a terminal would obey what is in its name. */
	utf8_tame(line, length);
	line[length] = '\n';
	ssize_t written = write(STDERR_FILENO, line, length + 1);
	(void)written; /* nobody is left to be told */
}
