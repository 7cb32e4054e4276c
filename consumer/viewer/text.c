/* Strokes become pixels by distance: a pixel is covered by how far it lies within half a stroke's
 * width of the nearest line. Any size looks well that way, and no font file, no font library is
 * needed to say what is wrong. */
#include "viewer/text.h"

#include "viewer/glyphs.h"

#include "common/utf8.h"
#include "common/util.h"

#include <math.h>
#include <stdio.h>

#define CELL_WIDTH 12
#define CELL_HEIGHT 16
#define MARGIN 1         /* units left of a glyph, so that its stroke has room */
#define HALF_STROKE 0.62 /* units */
#define CURVE_STEPS 6
#define POINTS_MAX 24
#define SEGMENTS_MAX 192
#define CACHED 256
#define BOX 0xfffd /* stands for what can not be drawn */

struct glyph {
	uint32_t character; /* 0: not drawn yet */
	int32_t advance;
	uint8_t *coverage; /* font.cell_width * font.cell_height */
};

struct font {
	double scale;
	int32_t cell_width, cell_height;
	struct glyph glyphs[CACHED]; /* by hash; what collides is drawn again */
};

struct point {
	double x, y;
};

struct outline {
	struct point from[SEGMENTS_MAX], to[SEGMENTS_MAX];
	size_t count;
	double width; /* the rightmost coordinate */
};

int font_create(double scale, struct font **ret)
{
	struct font *font = calloc(1, sizeof(*font));
	if (!font)
		return -ENOMEM;
	font->scale = scale;
	font->cell_width = (int32_t)ceil(CELL_WIDTH * scale);
	font->cell_height = (int32_t)ceil(CELL_HEIGHT * scale);
	*ret = font;
	return 0;
}

void font_destroy(struct font *font)
{
	if (!font)
		return;
	for (size_t i = 0; i < CACHED; i++)
		free(font->glyphs[i].coverage);
	free(font);
}

int32_t font_line_height(const struct font *font)
{
	return font->cell_height;
}

static double coordinate(char c)
{
	if (c >= 'A' && c <= 'P')
		return c - 'A' + 0.5;
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static void add_segment(struct outline *outline, struct point from, struct point to)
{
	if (outline->count == SEGMENTS_MAX)
		return;
	outline->from[outline->count] = from;
	outline->to[outline->count++] = to;
	outline->width = fmax(outline->width, fmax(from.x, to.x));
}

static struct point halfway(struct point a, struct point b)
{
	return (struct point){(a.x + b.x) / 2, (a.y + b.y) / 2};
}

static void add_curve(
	struct outline *outline, struct point from, struct point pull, struct point to)
{
	struct point last = from;
	for (int i = 1; i <= CURVE_STEPS; i++) {
		double t = (double)i / CURVE_STEPS, u = 1 - t;
		struct point next = {
			u * u * from.x + 2 * u * t * pull.x + t * t * to.x,
			u * u * from.y + 2 * u * t * pull.y + t * t * to.y,
		};
		add_segment(outline, last, next);
		last = next;
	}
}

/* Quadratic pieces that meet halfway between the points: a curve without a kink, touching the lines
 * between them. */
static void add_spline(
	struct outline *outline, const struct point *points, size_t count, bool closed)
{
	if (closed) {
		for (size_t i = 0; i < count; i++)
			add_curve(outline, halfway(points[(i + count - 1) % count], points[i]),
				points[i], halfway(points[i], points[(i + 1) % count]));
		return;
	}
	struct point from = points[0];
	for (size_t i = 1; i + 1 < count; i++) {
		struct point to =
			i + 2 == count ? points[i + 1] : halfway(points[i], points[i + 1]);
		add_curve(outline, from, points[i], to);
		from = to;
	}
}

/* One stroke; returns what follows it. */
static const char *add_stroke(struct outline *outline, const char *stroke, int move_x, int move_y)
{
	struct point points[POINTS_MAX];
	size_t count = 0;
	char kind = *stroke++;
	while (*stroke && *stroke != ' ' && count < POINTS_MAX) {
		points[count++] = (struct point){
			coordinate(stroke[0]) + move_x, coordinate(stroke[1]) + move_y};
		stroke += 2;
	}
	if (kind == 'l')
		for (size_t i = 0; i + 1 < count; i++)
			add_segment(outline, points[i], points[i + 1]);
	else
		add_spline(outline, points, count, kind == 'o');
	return *stroke ? stroke + 1 : stroke;
}

static void add_strokes(struct outline *outline, const char *strokes, int move_x, int move_y)
{
	while (*strokes)
		strokes = add_stroke(outline, strokes, move_x, move_y);
}

static double distance(struct point p, struct point a, struct point b)
{
	double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
	double t = length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length : 0;
	t = fmin(1, fmax(0, t));
	return hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

static uint8_t coverage_at(const struct outline *outline, struct point p, double scale)
{
	double nearest = CELL_WIDTH;
	for (size_t i = 0; i < outline->count; i++)
		nearest = fmin(nearest, distance(p, outline->from[i], outline->to[i]));
	double inside = (HALF_STROKE - nearest) * scale + 0.5;
	return (uint8_t)(255 * fmin(1, fmax(0, inside)));
}

/* False: no memory, or there is no such glyph. */
static bool draw_glyph(const struct font *font, struct glyph *glyph, uint32_t character)
{
	const char *accent;
	int accent_x, accent_y;
	const char *strokes = glyph_strokes(character, &accent, &accent_x, &accent_y);
	if (!strokes)
		return false;
	struct outline outline = {.count = 0};
	add_strokes(&outline, strokes, 0, 0);
	double width = outline.count ? outline.width : 1;
	if (accent)
		add_strokes(&outline, accent, accent_x, accent_y);
	if (!glyph->coverage)
		glyph->coverage = malloc((size_t)font->cell_width * (size_t)font->cell_height);
	if (!glyph->coverage)
		return false;
	for (int32_t y = 0; y < font->cell_height; y++)
		for (int32_t x = 0; x < font->cell_width; x++)
			glyph->coverage[y * font->cell_width + x] = coverage_at(&outline,
				(struct point){(x + 0.5) / font->scale - 0.5 - MARGIN,
					(y + 0.5) / font->scale - 0.5},
				font->scale);
	glyph->character = character;
	glyph->advance = (int32_t)lround((width + 2.5) * font->scale);
	return true;
}

static const struct glyph *find_glyph(struct font *font, uint32_t character)
{
	struct glyph *glyph = &font->glyphs[character % CACHED];
	bool there = glyph->character == character || draw_glyph(font, glyph, character);
	return there ? glyph : NULL;
}

/* All characters without a glyph share one box: each drawn for itself, names in Chinese took 80 ms
 * a gallery. NULL when memory ran out: then that character is missing. */
static const struct glyph *font_glyph(struct font *font, uint32_t character)
{
	const struct glyph *glyph = find_glyph(font, character);
	return glyph ? glyph : find_glyph(font, BOX);
}

/* Control characters look like what can not be read. */
static uint32_t decode(const char *text, size_t *ret_bytes)
{
	uint32_t character = utf8_decode(text, ret_bytes);
	bool control = character < ' ' || (character >= 0x7f && character < 0xa0);
	return control ? BOX : character;
}

int32_t text_width(struct font *font, const char *text)
{
	int32_t width = 0;
	size_t bytes;
	for (; *text; text += bytes) {
		const struct glyph *glyph = font_glyph(font, decode(text, &bytes));
		width += glyph ? glyph->advance : 0;
	}
	return width;
}

static void blend_glyph(struct image *image, const struct font *font, const struct glyph *glyph,
	int32_t x, int32_t y, uint32_t colour)
{
	for (int32_t row = 0; row < font->cell_height; row++)
		for (int32_t column = 0; column < font->cell_width; column++) {
			uint8_t coverage = glyph->coverage[row * font->cell_width + column];
			if (coverage)
				image_blend_pixel(image, x + column, y + row, colour, coverage);
		}
}

int32_t text_draw(struct image *image, struct font *font, int32_t x, int32_t y, uint32_t colour,
	const char *text)
{
	size_t bytes;
	for (; *text; text += bytes) {
		const struct glyph *glyph = font_glyph(font, decode(text, &bytes));
		if (!glyph)
			continue;
		blend_glyph(image, font, glyph, x - (int32_t)(font->scale * 0.5), y, colour);
		x += glyph->advance;
	}
	return x;
}

/* The byte behind the first @count characters. */
static size_t skip(const char *text, size_t count)
{
	size_t at = 0, bytes;
	for (; count > 0 && text[at]; count--) {
		decode(text + at, &bytes);
		at += bytes;
	}
	return at;
}

/* Both ends of the text, @keep of @characters; true: it fits. The end of a file's name tells more
 * than its middle: its number, its kind. */
static bool keep_ends(struct font *font, const char *text, size_t characters, size_t keep,
	int32_t width, char *ret, size_t size)
{
	size_t tail = keep / 2, head = keep - tail;
	int written = snprintf(ret, size, "%.*s…%s", (int)skip(text, head), text,
		text + skip(text, characters - tail));
	return (size_t)written < size && text_width(font, ret) <= width;
}

void text_shorten(struct font *font, const char *text, int32_t width, char *ret, size_t size)
{
	size_t characters = 0;
	for (size_t at = 0; text[at]; characters++)
		at += skip(text + at, 1);
	if ((size_t)snprintf(ret, size, "%s", text) < size && text_width(font, ret) <= width)
		return;
	size_t keep = 0, too_many = characters;
	while (too_many - keep > 1) {
		size_t middle = keep + (too_many - keep) / 2;
		if (keep_ends(font, text, characters, middle, width, ret, size))
			keep = middle;
		else
			too_many = middle;
	}
	keep_ends(font, text, characters, keep, width, ret, size);
}
