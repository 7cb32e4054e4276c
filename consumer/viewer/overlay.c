#include "viewer/overlay.h"

#include "viewer/keys.h"
#include "viewer/list.h"
#include "viewer/style.h"

#include "common/util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LINE_MARGIN 12
#define LINE_PADDING 7
#define GAUGE_HEIGHT 4
#define ROOMY_WIDTH 1150 /* a narrower window shows less of the memory line */

void overlay_bytes(uint64_t bytes, char *ret, size_t size)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes / 1024;
	size_t unit = 0;
	for (; value >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1024;
	if (bytes < 1024)
		snprintf(ret, size, "%u B", (unsigned)bytes);
	else
		snprintf(ret, size, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

int32_t overlay_line_height(const struct overlay_fonts *fonts)
{
	return font_line_height(fonts->text) + 2 * LINE_PADDING;
}

/* Pieces of text in a row, each in its colour. */
static int32_t draw_part(struct image *image, const struct overlay_fonts *fonts, int32_t x,
	int32_t y, uint32_t colour, const char *text)
{
	return text_draw(image, fonts->text, x, y, colour, text) + 16;
}

void overlay_info(
	struct image *image, const struct overlay_fonts *fonts, const struct overlay_info *info)
{
	int32_t height = overlay_line_height(fonts), width = (int32_t)image->width,
		top = (int32_t)image->height - height;
	image_blend(image, (struct rect){0, top, width, height}, COLOUR_BAR);
	char name[512], text[256], size[64] = "";
	text_shorten(fonts->text, list_base_name(info->path), width / 2, name, sizeof(name));
	int32_t y = top + LINE_PADDING;
	snprintf(text, sizeof(text), "%zu / %zu", info->index + 1, info->count);
	int32_t x = draw_part(image, fonts, LINE_MARGIN, y, COLOUR_DIM, text);
	x = draw_part(image, fonts, x, y, COLOUR_BRIGHT, name);
	if (info->width != 0) {
		snprintf(text, sizeof(text), "%u × %u", info->width, info->height);
		x = draw_part(image, fonts, x, y, COLOUR_TEXT, text);
		snprintf(text, sizeof(text), "%.*f %%", info->scale < 0.1 ? 1 : 0,
			info->scale * 100);
		x = draw_part(image, fonts, x, y, COLOUR_TEXT, text);
	}
	if (info->note) {
		draw_part(image, fonts, x, y, info->note_is_error ? COLOUR_ERROR : COLOUR_DIM,
			info->note);
		return;
	}
	if (info->bitmap_width == 0)
		return;
	snprintf(size, sizeof(size), "decoded %u × %u", info->bitmap_width, info->bitmap_height);
	if (info->decode_ms != 0)
		snprintf(text, sizeof(text), "%s in %u ms", size, info->decode_ms);
	else
		snprintf(text, sizeof(text), "%s", size);
	int32_t right = width - LINE_MARGIN - text_width(fonts->text, text);
	if (right > x)
		draw_part(image, fonts, right, y, COLOUR_DIM, text);
}

struct share {
	const char *name;
	uint32_t colour;
	uint64_t bytes;
	uint32_t bitmaps; /* UINT32_MAX: not counted */
	bool in_gauge, essential;
};

/* How the budget is used, as one stacked line from edge to edge. */
static void draw_gauge(
	struct image *image, int32_t y, const struct share *shares, size_t count, uint64_t budget)
{
	double from = 0, scale = budget ? (double)image->width / (double)budget : 0;
	image_fill(image, (struct rect){0, y, (int32_t)image->width, GAUGE_HEIGHT}, 0xff2a2a2e);
	for (size_t i = 0; i < count; i++) {
		if (!shares[i].in_gauge || shares[i].bytes == 0)
			continue;
		double to = from + fmax(1, (double)shares[i].bytes * scale);
		int32_t left = (int32_t)from, right = (int32_t)ceil(to);
		image_fill(image, (struct rect){left, y, right - left, GAUGE_HEIGHT},
			shares[i].colour);
		from = to;
	}
}

static int32_t draw_share(struct image *image, const struct overlay_fonts *fonts, int32_t x,
	int32_t y, const struct share *share)
{
	char bytes[32], text[96];
	int32_t line = font_line_height(fonts->text);
	overlay_bytes(share->bytes, bytes, sizeof(bytes));
	image_blend_round(image, (struct rect){x, y + line / 2 - 4, 8, 8}, 2, share->colour);
	x = text_draw(image, fonts->text, x + 13, y, COLOUR_DIM, share->name) + 5;
	if (share->bitmaps == UINT32_MAX || image->width < ROOMY_WIDTH)
		snprintf(text, sizeof(text), "%s", bytes);
	else
		snprintf(text, sizeof(text), "%s (%u)", share->bytes ? bytes : "0", share->bitmaps);
	return text_draw(image, fonts->text, x, y, COLOUR_TEXT, text) + 16;
}

static void draw_totals(struct image *image, const struct overlay_fonts *fonts, int32_t x,
	int32_t y, const struct mural_stats *stats)
{
	static const char *const short_of[] = {
		[MURAL_PRESSURE_MODERATE] = "memory is short",
		[MURAL_PRESSURE_CRITICAL] = "memory is very short",
	};
	char used[32], budget[32], left[32], text[160];
	overlay_bytes(stats->used_bytes, used, sizeof(used));
	overlay_bytes(stats->budget_bytes, budget, sizeof(budget));
	snprintf(text, sizeof(text), "↻ decoded again %llu", (unsigned long long)stats->redecodes);
	x = text_draw(
		    image, fonts->text, x, y, stats->redecodes ? COLOUR_AGAIN : COLOUR_DIM, text) +
	    16;
	if (stats->pressure < ARRAY_SIZE(short_of) && short_of[stats->pressure]) {
		overlay_bytes(stats->headroom_bytes, left, sizeof(left));
		snprintf(text, sizeof(text), "%s: %s left", short_of[stats->pressure], left);
		x = text_draw(image, fonts->text, x, y, COLOUR_ERROR, text) + 16;
	}
	snprintf(text, sizeof(text), "used %s of %s", used, budget);
	int32_t right = (int32_t)image->width - LINE_MARGIN - text_width(fonts->text, text);
	if (right < x && stats->pressure != MURAL_PRESSURE_NONE)
		return; /* a narrow window: what is left says more */
	text_draw(image, fonts->text, right > x ? right : x, y, COLOUR_TEXT, text);
}

void overlay_memory(
	struct image *image, const struct overlay_fonts *fonts, const struct mural_stats *stats)
{
	int32_t height = overlay_line_height(fonts), x = LINE_MARGIN, y = LINE_PADDING;
	image_blend(image, (struct rect){0, 0, (int32_t)image->width, height}, COLOUR_BAR);
	if (!stats) {
		text_draw(image, fonts->text, x, y, COLOUR_DIM, "asking the pool…");
		return;
	}
	const struct share shares[] = {
		{"pinned", COLOUR_PINNED, stats->pinned_bytes, stats->pinned_bitmaps, true, true},
		{"ready", COLOUR_READY, stats->ready_bytes, stats->ready_bitmaps, true, true},
		{"idle", COLOUR_IDLE, stats->idle_bytes, stats->idle_bitmaps, true, true},
		{"decoding", COLOUR_FILLING, stats->filling_bytes, stats->filling_bitmaps, true,
			false},
		{"spare", COLOUR_KEPT, stats->kept_bytes + stats->overhead_bytes, UINT32_MAX, true,
			false},
		{"purged", COLOUR_PURGED, stats->purged_bytes, stats->purged_bitmaps, false, true},
	};
	draw_gauge(image, height, shares, ARRAY_SIZE(shares), stats->budget_bytes);
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++)
		if (shares[i].essential || image->width >= ROOMY_WIDTH)
			x = draw_share(image, fonts, x, y, &shares[i]);
	draw_totals(image, fonts, x, y, stats);
}

static void draw_pill(struct image *image, const struct overlay_fonts *fonts, int32_t x, int32_t y,
	int32_t width, uint32_t colour, const char *text)
{
	int32_t height = font_line_height(fonts->text) + 2 * LINE_PADDING;
	image_blend_round(image, (struct rect){x, y, width, height}, height / 2, COLOUR_BAR);
	text_draw(image, fonts->text, x + LINE_MARGIN + 4, y + LINE_PADDING, colour, text);
}

static int32_t pill_width(const struct overlay_fonts *fonts, const char *text)
{
	return text_width(fonts->text, text) + 2 * (LINE_MARGIN + 4);
}

void overlay_note(struct image *image, const struct overlay_fonts *fonts, const char *text)
{
	char fitting[512];
	text_shorten(fonts->text, text, (int32_t)image->width - 80, fitting, sizeof(fitting));
	int32_t width = pill_width(fonts, fitting);
	draw_pill(image, fonts, ((int32_t)image->width - width) / 2,
		(int32_t)image->height - 2 * overlay_line_height(fonts) - 12, width, COLOUR_TEXT,
		fitting);
}

void overlay_mark(
	struct image *image, const struct overlay_fonts *fonts, bool below_memory, const char *text)
{
	int32_t width = pill_width(fonts, text);
	int32_t top = below_memory ? overlay_line_height(fonts) + GAUGE_HEIGHT : 0;
	draw_pill(image, fonts, (int32_t)image->width - width - 12, top + 12, width, COLOUR_AGAIN,
		text);
}

static void draw_centred(
	struct image *image, struct font *font, int32_t y, uint32_t colour, const char *text)
{
	char fitting[1024];
	text_shorten(font, text, (int32_t)image->width - 40, fitting, sizeof(fitting));
	text_draw(image, font, ((int32_t)image->width - text_width(font, fitting)) / 2, y, colour,
		fitting);
}

void overlay_error(struct image *image, const struct overlay_fonts *fonts, const char *path,
	const char *reason)
{
	int32_t title = font_line_height(fonts->title), line = font_line_height(fonts->text);
	int32_t y = ((int32_t)image->height - title - 3 * line) / 2;
	draw_centred(image, fonts->title, y, COLOUR_TEXT, list_base_name(path));
	draw_centred(image, fonts->text, y + title + line, COLOUR_ERROR, reason);
	draw_centred(image, fonts->text, y + title + line * 5 / 2, COLOUR_DIM, path);
}

static void join_keys(const struct action_info *info, char *ret, size_t size)
{
	ret[0] = '\0';
	for (size_t k = 0; k < KEYS_MAX && info->keys[k]; k++) {
		size_t used = strlen(ret);
		snprintf(ret + used, size - used, "%s%s", k ? "  " : "", info->keys[k]);
	}
}

void overlay_help(struct image *image, const struct overlay_fonts *fonts)
{
	size_t count;
	const struct action_info *table = keys_table(&count);
	int32_t line = font_line_height(fonts->text) + 4, title = font_line_height(fonts->title);
	size_t rows = (count + 1) / 2;
	int32_t column = 400, width = 2 * column + 40, height = (int32_t)rows * line + title + 56;
	struct rect panel = {((int32_t)image->width - width) / 2,
		((int32_t)image->height - height) / 2, width, height};
	/* A small window shows the beginning rather than the middle. */
	panel.x = panel.x < 0 ? 0 : panel.x;
	panel.y = panel.y < 0 ? 0 : panel.y;
	image_blend_round(image, panel, 12, COLOUR_PANEL);
	image_frame_round(image, panel, 12, 1, COLOUR_LINE);
	text_draw(image, fonts->title, panel.x + 24, panel.y + 18, COLOUR_BRIGHT, "Mural");
	for (size_t i = 0; i < count; i++) {
		char keys[64];
		join_keys(&table[i], keys, sizeof(keys));
		int32_t x = panel.x + 24 + (int32_t)(i / rows) * column;
		int32_t y = panel.y + title + 32 + (int32_t)(i % rows) * line;
		text_draw(image, fonts->text, x, y, COLOUR_ACCENT, keys);
		text_draw(image, fonts->text, x + 110, y, COLOUR_TEXT, table[i].help);
	}
}
