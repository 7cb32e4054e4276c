/* The typeface. Drawn for this program; look at what a change does with `mural-viewer --headless
 * --keys help`. */
#include "viewer/glyphs.h"

#include "common/util.h"

/* Digits are all 5 wide, so that numbers that change do not make a line dance. */
static const char *const ascii[] = {
	/*   */ "",
	/* ! */ "l0208 l0b0b",
	/* " */ "l0205 l3235",
	/* # */ "l222b l525b l0575 l0878",
	/* $ */ "c53421203051646575a4b1b0a lC0Cd",
	/* % */ "o02323505 o48787b4b l621b",
	/* & */ "c6b15141222324345080a1b3b5a67",
	/* ' */ "l0205",
	/* ( */ "c2104092d",
	/* ) */ "c0124290d",
	/* * */ "l2327 l0446 l4406",
	/* + */ "l343a l0767",
	/* , */ "l1b0d",
	/* - */ "l0747",
	/* . */ "l0b0b",
	/* / */ "l420c",
	/* 0 */ "o1242535a4b1b0a03",
	/* 1 */ "l14323b l1b5b",
	/* 2 */ "c04124253560b l0b5b",
	/* 3 */ "c03124253554626 c2646575a4b1b0a",
	/* 4 */ "l4b420858",
	/* 5 */ "l521206 c061545575a4b1b0a",
	/* 6 */ "c53421204091b4b5a57461608",
	/* 7 */ "l02522b",
	/* 8 */ "o1242535546160503 o1646575a4b1b0a07",
	/* 9 */ "c0a1b4b595442120306174755",
	/* : */ "l0606 l0b0b",
	/* ; */ "l1616 l1b0d",
	/* < */ "l54075a",
	/* = */ "l0656 l0959",
	/* > */ "l04570a",
	/* ? */ "c0412425355272829 l2b2b",
	/* @ */ "c7c2c0a04226284896a5956 o25555929",
	/* A */ "l0b326b l1858",
	/* B */ "l0b02 c024253554606 c0646575a4b0b",
	/* C */ "c544212030a1b4b59",
	/* D */ "l0b02 c023254593b0b",
	/* E */ "l52020b5b l0646",
	/* F */ "l52020b l0646",
	/* G */ "c544212030a1b4b5a57 l5737",
	/* H */ "l020b l525b l0656",
	/* I */ "l020b",
	/* J */ "c424a3b1b09",
	/* K */ "l020b l5207 l255b",
	/* L */ "l020b5b",
	/* M */ "l0b0237626b",
	/* N */ "l0b025b52",
	/* O */ "o1252636a5b1b0a03",
	/* P */ "l0b02 c024253564707",
	/* Q */ "o1252636a5b1b0a03 l496c",
	/* R */ "l0b02 c024253564707 l275b",
	/* S */ "c53421203051646575a4b1b0a",
	/* T */ "l0262 l323b",
	/* U */ "c020a1b4b5a52",
	/* V */ "l023b62",
	/* W */ "l022b446b82",
	/* X */ "l025b l520b",
	/* Y */ "l023662 l363b",
	/* Z */ "l02520b5b",
	/* [ */ "l21010d2d",
	/* \ */ "l024c",
	/* ] */ "l01212d0d",
	/* ^ */ "l052245",
	/* _ */ "l0d6d",
	/* ` */ "l0213",
	/* a */ "c061535464b c4717080a1b3b49",
	/* b */ "l010b c07153547493b1b09",
	/* c */ "c46351507091b3b4a",
	/* d */ "l414b c47351507091b3b49",
	/* e */ "l0848 c4846351507091b3b4a",
	/* f */ "c3111131b l0535",
	/* g */ "c47351507091b3b49 c454d3e1e0d",
	/* h */ "l010b c071535464b",
	/* i */ "l050b l0202",
	/* j */ "c252d1e0e l2222",
	/* k */ "l010b l4508 l174b",
	/* l */ "c010a1b2b",
	/* m */ "l050b c071525363b c374555666b",
	/* n */ "l050b c071535464b",
	/* o */ "o153547493b1b0907",
	/* p */ "l050e c07153547493b1b09",
	/* q */ "l454e c47351507091b3b49",
	/* r */ "l050b c071535",
	/* s */ "c46351506071838494a3b1b0a",
	/* t */ "c121a2b3b l0535",
	/* u */ "c050a1b3b49 l454b",
	/* v */ "l052b45",
	/* w */ "l051b365b65",
	/* x */ "l054b l450b",
	/* y */ "l052b l451d0e",
	/* z */ "l05450b4b",
	/* { */ "c31111707 c07171d3d",
	/* | */ "l010e",
	/* } */ "c01212737 c37272d0d",
	/* ~ */ "c081626394957",
};

struct sign {
	uint32_t character;
	const char *strokes;
};

static const struct sign signs[] = {
	{0x00a0, ""},
	{0x00b0, "o02323505"},                                             /* degree */
	{0x00b5, "c050a1b3b49 l454b l050e"},                               /* micro */
	{0x00b7, "l0808"},                                                 /* middle dot */
	{0x00c6, "l82420b l424b8b l4676 l1848"},                           /* AE */
	{0x00d7, "l064a l460a"},                                           /* times */
	{0x00d8, "o1252636a5b1b0a03 l620b"},                               /* O with stroke */
	{0x00df, "c0b03123243453626 c2637484a3b1b"},                       /* sharp s */
	{0x00e6, "c061525363b c3717080a1b2b39 l3878 c7876654537394b6b7a"}, /* ae */
	{0x00f8, "o153547493b1b0907 l440c"},                               /* o with stroke */
	{0x2013, "l0767"},                                                 /* en dash */
	{0x2014, "l0797"},                                                 /* em dash */
	{0x2018, "l1204"},
	{0x2019, "l1204"},
	{0x201c, "l1204 l4234"},
	{0x201d, "l1204 l4234"},
	{0x2026, "l0b0b l3b3b l6b6b"}, /* ellipsis */
	{0x2190, "l0767 l250729"},     /* arrows */
	{0x2192, "l0767 l456749"},
	{0x21bb, "c543212050a1b4b6967 l515434"}, /* turning once more */
	{0xfffd, "l020b4b4202"},
};

/* U+00C0 to U+00FF as base letter and accent: grave, acute, circumflex, tilde, diaeresis, ring,
 * cedilla. ' ' is none. */
static const char latin[] = "A`A'A^A~A:Ao  C,E`E'E^E:I`I'I^I:D N~O`O'O^O~O:    U`U'U^U:Y'P   "
			    "a`a'a^a~a:ao  c,e`e'e^e:i`i'i^i:d n~o`o'o^o~o:    u`u'u^u:y'p y:";

/* Drawn around x = 2, above small letters. */
static const char *accent_strokes(char accent)
{
	switch (accent) {
	case '`':
		return "l1223";
	case '\'':
		return "l3223";
	case '^':
		return "l13C133";
	case '~':
		return "c0312233342";
	case ':':
		return "l1212 l3232";
	case 'o':
		return "o11313313";
	case ',':
		return "c2b3c2d1d";
	default:
		return NULL;
	}
}

static const char *latin_strokes(
	uint32_t character, const char **ret_accent, int *ret_x, int *ret_y)
{
	const char *pair = latin + (size_t)(character - 0xc0) * 2;
	if (pair[0] == ' ')
		return NULL;
	bool capital = pair[0] < 'a';
	*ret_accent = accent_strokes(pair[1]);
	*ret_x = pair[0] == 'i' || pair[0] == 'I' ? -2 : pair[0] == 'A' || pair[0] == 'O' ? 1 : 0;
	*ret_y = capital && pair[1] != ',' ? -2 : 0;
	return pair[0] == 'i' ? "l050b" : ascii[pair[0] - ' '];
}

const char *glyph_strokes(
	uint32_t character, const char **ret_accent, int *ret_accent_x, int *ret_accent_y)
{
	*ret_accent = NULL;
	*ret_accent_x = *ret_accent_y = 0;
	if (character >= ' ' && character < ' ' + ARRAY_SIZE(ascii))
		return ascii[character - ' '];
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (signs[i].character == character)
			return signs[i].strokes;
	if (character >= 0xc0 && character <= 0xff)
		return latin_strokes(character, ret_accent, ret_accent_x, ret_accent_y);
	return NULL;
}
