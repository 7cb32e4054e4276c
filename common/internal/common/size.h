/* common/size.h - sizes as people write and read them: "64M", "1.5 GiB". Binary units throughout.
 */
#ifndef COMMON_SIZE_H
#define COMMON_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads digits, perhaps with a fraction, perhaps a unit: K, M, G or T in either case, perhaps
 * followed by "B" or "iB". "512", "64M", "1.5GiB". False, output untouched: anything else, a sign,
 * or more than 64 bits hold. */
bool size_parse(const char *text, uint64_t *ret_bytes);

#define SIZE_TEXT_MAX 16

/* "0 B", "512 B", "1.5 KiB", "24.0 MiB": at most four digits. Returns @buffer. */
const char *size_text(uint64_t bytes, char buffer[SIZE_TEXT_MAX]);

#endif
