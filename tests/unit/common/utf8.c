/* Text that came from outside. */
#include "common/utf8.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

struct character {
	char bytes[8];
	uint32_t expected;
	size_t length;
};

ParameterizedTestParameters(utf8, decodes)
{
	static struct character cases[] = {
		{"", 0, 1},
		{"a", 'a', 1},
		{"\xc2\x80", 0x80, 2},
		{"\xdf\xbf", 0x7ff, 2},
		{"\xe0\xa0\x80", 0x800, 3},
		{"\xe6\x97\xa5", 0x65e5, 3},
		{"\xef\xbf\xbd", 0xfffd, 3},
		{"\xf0\x90\x80\x80", 0x10000, 4},
		{"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
		/* bytes that begin nothing, or what has no end */
		{"\x80", 0xfffd, 1},
		{"\xff", 0xfffd, 1},
		{"\xc3", 0xfffd, 1},
		{"\xe6\x97", 0xfffd, 1},
		{"\xf0\x90\x80", 0xfffd, 1},
		/* too long a form */
		{"\xc0\x9b", 0xfffd, 1},
		{"\xe0\x82\x9b", 0xfffd, 1},
		{"\xf0\x80\x82\x9b", 0xfffd, 1},
		/* a surrogate; beyond the last */
		{"\xed\xa0\x80", 0xfffd, 1},
		{"\xf4\x90\x80\x80", 0xfffd, 1},
		{"\xf8\x88\x80\x80", 0xfffd, 1},
	};
	return cr_make_param_array(struct character, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct character *c, utf8, decodes)
{
	size_t length;
	cr_expect_eq(utf8_decode(c->bytes, &length), c->expected, "%04x", c->expected);
	cr_expect_eq(length, c->length);
}

struct tamed {
	char text[24], expected[24];
};

ParameterizedTestParameters(utf8, tames)
{
	static struct tamed cases[] = {
		{"a b~", "a b~"},
		{"\xc3\xa9\xe6\x97\xa5", "\xc3\xa9\xe6\x97\xa5"},
		{"\x1b[2J\x7f\n", "?[2J??"},
		{"\xc2\x9b"
		 "2J",
			"??2J"},
		{"\x9b"
		 "2J",
			"?2J"},
		{"\xc0\x9b"
		 "2J",
			"??2J"},
		{"\xc2\xa0\xe9", "\xc2\xa0?"},
		{"\xe6\x97", "??"},
	};
	return cr_make_param_array(struct tamed, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct tamed *c, utf8, tames)
{
	utf8_tame(c->text, strlen(c->text));
	cr_expect_str_eq(c->text, c->expected);
}

Test(utf8, tames_no_further_than_it_is_told)
{
	char text[] = "\n\n\n";
	text[2] = '\0';
	utf8_tame(text, 1);
	cr_expect_str_eq(text, "?\n");
}
