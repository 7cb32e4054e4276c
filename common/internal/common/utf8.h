/* common/utf8.h - text that came from outside: names of files, above all. */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The first character of @text, which ends with a NUL, and how many bytes it takes; U+FFFD and 1
 * where the bytes are not UTF-8 (too long a form, a surrogate, cut short). */
uint32_t utf8_decode(const char *text, size_t *ret_bytes);

/* Makes question marks of what a terminal would obey, and of what is no text: control characters of
 * ASCII and of Latin-1 (U+0080 to U+009F), and bytes that are not UTF-8. text[length] is a NUL. */
void utf8_tame(char *text, size_t length);

#endif
