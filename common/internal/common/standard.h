/* common/standard.h - standard input, output and error of a program (never of a library). */
#ifndef COMMON_STANDARD_H
#define COMMON_STANDARD_H

#include <stdbool.h>

/* Call at the beginning of main, before anything is opened or printed:
 *
 * - A standard descriptor that whoever started the program has closed is opened so that using it
 *   still fails (EBADF). Otherwise the next file or socket would get its number, and a picture or a
 *   message meant for standard output would go into that.
 * - What libc prints on stderr (of options it does not know, which may be files' names) is tamed as
 *   log_line does it.
 * - When standard output can not be written, at the latest at the end, that is told, and the exit
 *   status is @failed: a full disk is no success, also of --help. Who has gone and reads no more is
 *   not told of. */
void standard_setup(int failed);

/* Writes what has been printed so far. False: it can not be written, which will be told when the
 * program ends. */
bool standard_flush(void);

#endif
