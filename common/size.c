/* Sizes as people write them. By hand, since strtod depends on the locale and strtoull takes a
 * sign. */
#include "common/size.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char units[] = "KMGT";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The unit at the end: 1, 1024, …; 0: not a unit. */
static uint64_t unit_bytes(const char *text)
{
	if (*text == '\0' || strcasecmp(text, "B") == 0)
		return 1;
	for (unsigned i = 0; units[i]; i++) {
		if (strncasecmp(text, &units[i], 1) != 0)
			continue;
		text++;
		if (*text == '\0' || strcasecmp(text, "B") == 0 || strcasecmp(text, "iB") == 0)
			return UINT64_C(1) << (10 * (i + 1));
		return 0;
	}
	return 0;
}

bool size_parse(const char *text, uint64_t *ret_bytes)
{
	uint64_t whole = 0, fraction = 0, divisor = 1, bytes;
	if (!is_digit(*text))
		return false;
	for (; is_digit(*text); text++) {
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
			__builtin_add_overflow(whole, (uint64_t)(*text - '0'), &whole))
			return false;
	}
	if (*text == '.') {
		text++;
		if (!is_digit(*text))
			return false;
		/* Three digits are exact enough for bytes; the product with a unit stays within 64
		 * bits. */
		for (; is_digit(*text); text++) {
			if (divisor == 1000)
				continue;
			fraction = fraction * 10 + (uint64_t)(*text - '0');
			divisor *= 10;
		}
	}
	uint64_t unit = unit_bytes(text);
	if (unit == 0 || __builtin_mul_overflow(whole, unit, &bytes) ||
		__builtin_add_overflow(bytes, fraction * unit / divisor, &bytes))
		return false;
	*ret_bytes = bytes;
	return true;
}

const char *size_text(uint64_t bytes, char buffer[SIZE_TEXT_MAX])
{
	static const char names[][4] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	if (bytes < 1024) {
		snprintf(buffer, SIZE_TEXT_MAX, "%u B", (unsigned)bytes);
		return buffer;
	}
	double value = (double)bytes / 1024;
	unsigned unit = 0;
	for (; value >= 1023.95 && unit < 5; unit++)
		value /= 1024;
	snprintf(buffer, SIZE_TEXT_MAX, "%.1f %.3s", value, names[unit]);
	return buffer;
}
