#include "common/utf8.h"

#include "common/util.h"

#include <string.h>

uint32_t utf8_decode(const char *text, size_t *ret_bytes)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *s = (const unsigned char *)text;
	*ret_bytes = 1;
	if (s[0] < 0x80)
		return s[0];
	unsigned more = s[0] < 0xc0 ? 4 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : s[0] < 0xf8 ? 3 : 4;
	if (more == 4)
		return 0xfffd;
	uint32_t character = s[0] & (0x3fu >> more);
	for (unsigned i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0xfffd;
		character = character << 6 | (s[i] & 0x3f);
	}
	if (character < least[more] || character > 0x10ffff ||
		(character >= 0xd800 && character < 0xe000))
		return 0xfffd;
	*ret_bytes = more + 1;
	return character;
}

void utf8_tame(char *text, size_t length)
{
	size_t bytes;
	for (size_t at = 0; at < length; at += bytes) {
		uint32_t character = utf8_decode(text + at, &bytes);
		bool control = character < ' ' || (character >= 0x7f && character < 0xa0);
		bool no_text = character == 0xfffd && bytes == 1;
		if (control || no_text)
			memset(text + at, '?', bytes);
	}
}
