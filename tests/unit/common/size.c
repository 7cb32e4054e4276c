#include "common/size.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <inttypes.h>

struct size_case {
	char text[32];
	bool good;
	uint64_t bytes;
};

ParameterizedTestParameters(size, parse)
{
	static struct size_case cases[] = {
		{"0", true, 0},
		{"512", true, 512},
		{"512B", true, 512},
		{"64M", true, UINT64_C(64) << 20},
		{"64m", true, UINT64_C(64) << 20},
		{"64MiB", true, UINT64_C(64) << 20},
		{"64MB", true, UINT64_C(64) << 20},
		{"1G", true, UINT64_C(1) << 30},
		{"1.5K", true, 1536},
		{"0.0009765625K", true, 0},
		{"2T", true, UINT64_C(2) << 40},
		{"18446744073709551615", true, UINT64_MAX},
		{"18446744073709551616", false, 0},
		{"16777216T", false, 0},
		{"16777215.999T", true, (UINT64_C(16777215) << 40) + (UINT64_C(999) << 40) / 1000},
		{"", false, 0},
		{"M", false, 0},
		{"-1", false, 0},
		{"+1", false, 0},
		{" 1", false, 0},
		{"1.", false, 0},
		{".5M", false, 0},
		{"1 M", false, 0},
		{"1X", false, 0},
		{"1MM", false, 0},
		{"1iB", false, 0},
		{"0x10", false, 0},
	};
	return cr_make_param_array(struct size_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct size_case *c, size, parse)
{
	uint64_t bytes = 12345;
	cr_assert_eq(size_parse(c->text, &bytes), c->good, "\"%s\"", c->text);
	uint64_t expected = c->good ? c->bytes : 12345;
	cr_assert_eq(
		bytes, expected, "\"%s\": %" PRIu64 ", not %" PRIu64, c->text, bytes, expected);
}

Test(size, text_has_at_most_four_digits)
{
	char buffer[SIZE_TEXT_MAX];
	cr_assert_str_eq(size_text(0, buffer), "0 B");
	cr_assert_str_eq(size_text(1023, buffer), "1023 B");
	cr_assert_str_eq(size_text(1024, buffer), "1.0 KiB");
	cr_assert_str_eq(size_text((1 << 20) - 1, buffer), "1.0 MiB");
	cr_assert_str_eq(size_text(UINT64_C(24) << 20, buffer), "24.0 MiB");
	cr_assert_str_eq(size_text(UINT64_MAX, buffer), "16.0 EiB");
}
