#include "common/standard.h"

#include "common/log.h"
#include "common/utf8.h"
#include "common/util.h"

#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>

static int failed_status, flush_error;

static void guard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static ssize_t write_tame(void *cookie, const char *data, size_t size)
{
	(void)cookie;
	CLEANUP(free_p) char *text = strndup(data, size);
	if (!text)
		return 0;
	for (char *line = text; *line;) {
		size_t length = strcspn(line, "\n");
		utf8_tame(line, length);
		line += length + (line[length] == '\n');
	}
	return write(STDERR_FILENO, text, strlen(text)) < 0 ? 0 : (ssize_t)size;
}

/* utf8_tame wants its text to end with a NUL. */
static void tame_errors(void)
{
	FILE *tame = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_tame});
	if (!tame)
		return;
	setvbuf(tame, NULL, _IOLBF, BUFSIZ);
	stderr = tame;
}

static void end_output(void)
{
	bool written = __fpending(stdout) > 0, failed = ferror(stdout);
	int error = fclose(stdout) == 0 ? 0 : errno;
	error = flush_error ? flush_error : error;
	if (!failed && (error == 0 || (error == EBADF && !written)))
		return;
	if (error != EPIPE)
		log_line(LOG_ERROR, "standard output: %s",
			error ? strerror(error) : "could not be written");
	_exit(failed_status);
}

bool standard_flush(void)
{
	if (fflush(stdout) == 0)
		return true;
	flush_error = errno;
	return false;
}

void standard_setup(int failed)
{
	failed_status = failed;
	guard_descriptors();
	tame_errors();
	atexit(end_output);
}
