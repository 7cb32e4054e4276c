/* common/log.h - what a program (never a library) says on standard error: "NAME: text". */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

enum log_level {
	LOG_ERROR = 0,
	LOG_WARNING = 1,
	LOG_INFO = 2,
	LOG_DEBUG = 3,
};

/* The program's name and the last level that is printed. Call before the first message. */
void log_setup(const char *name, enum log_level level);

/* One line: control characters become question marks. Systemd's level prefix is added when standard
 * error is the journal. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
