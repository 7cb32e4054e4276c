/* mirror.h - a second picture that costs as much to decode as the first, and looks different. */
#ifndef BENCH_MIRROR_H
#define BENCH_MIRROR_H

#include <stdbool.h>

/* Writes the picture at @from upside down to @to: a PNG, or a JPEG 4:2:0 of quality 88. Does
 * nothing when @to is there. False: it can not be read or written. */
bool mirror_picture(const char *from, const char *to, bool progressive);

#endif
