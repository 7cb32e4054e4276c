#include "viewer/keys.h"

#include "common/util.h"

#include <string.h>
#include <strings.h>

/* p purges, so that previous has b, Left, Backspace and Page Up, as in feh and less. */
static const struct action_info table[] = {
	{ACTION_NEXT, "next", {"n", "Space"}, "next picture"},
	{ACTION_PREVIOUS, "previous", {"b", "Backspace"}, "previous picture"},
	{ACTION_PAGE_DOWN, "page-down", {"PageDown"}, "next picture; a screen down in the gallery"},
	{ACTION_PAGE_UP, "page-up", {"PageUp"}, "previous picture; a screen up in the gallery"},
	{ACTION_FIRST, "first", {"g", "Home"}, "first picture"},
	{ACTION_LAST, "last", {"G", "End"}, "last picture"},
	{ACTION_LEFT, "left", {"Left"}, "previous; pan when zoomed in"},
	{ACTION_RIGHT, "right", {"Right"}, "next; pan when zoomed in"},
	{ACTION_UP, "up", {"Up"}, "pan; move in the gallery"},
	{ACTION_DOWN, "down", {"Down"}, "pan; move in the gallery"},
	{ACTION_PAN_LEFT, "pan-left", {"h"}, "pan left"},
	{ACTION_PAN_DOWN, "pan-down", {"j"}, "pan down"},
	{ACTION_PAN_UP, "pan-up", {"k"}, "pan up"},
	{ACTION_PAN_RIGHT, "pan-right", {"l"}, "pan right"},
	{ACTION_ZOOM_IN, "zoom-in", {"+"}, "zoom in (wheel: at the pointer)"},
	{ACTION_ZOOM_OUT, "zoom-out", {"-"}, "zoom out"},
	{ACTION_ACTUAL_SIZE, "actual-size", {"1", "="}, "100 %"},
	{ACTION_FIT, "fit", {"w", "0"}, "fit into the window"},
	{ACTION_FULLSCREEN, "fullscreen", {"f", "F11"}, "full screen (double click)"},
	{ACTION_ROTATE_LEFT, "rotate-left", {"<"}, "rotate left"},
	{ACTION_ROTATE_RIGHT, "rotate-right", {">"}, "rotate right"},
	{ACTION_FLIP_HORIZONTAL, "flip-horizontal", {"|"}, "flip left and right"},
	{ACTION_FLIP_VERTICAL, "flip-vertical", {"_"}, "flip top and bottom"},
	{ACTION_GALLERY, "gallery", {"Enter"}, "gallery of thumbnails, and back"},
	{ACTION_SLIDESHOW, "slideshow", {"s"}, "slide show"},
	{ACTION_INFO, "info", {"i"}, "about the picture"},
	{ACTION_MEMORY, "memory", {"m"}, "what the pool holds"},
	{ACTION_PURGE, "purge", {"p"}, "purge everything that nobody pins"},
	{ACTION_RELOAD, "reload", {"r"}, "load the file again"},
	{ACTION_HELP, "help", {"?", "F1"}, "this help"},
	{ACTION_BACK, "back", {"Esc"}, "leave help, the gallery, the program"},
	{ACTION_QUIT, "quit", {"q"}, "quit"},
};

_Static_assert(ARRAY_SIZE(table) == ACTION_COUNT - 1, "every action has a row");

const struct action_info *keys_table(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(table);
	return table;
}

static int same_key(const char *a, const char *b)
{
	return a[1] == '\0' ? strcmp(a, b) == 0 : strcasecmp(a, b) == 0;
}

enum action keys_action(const char *name)
{
	/* What other tools call the same keys. */
	static const char *const synonyms[][2] = {{"Return", "Enter"}, {"Escape", "Esc"},
		{"Page_Down", "PageDown"}, {"PgDn", "PageDown"}, {"Page_Up", "PageUp"},
		{"PgUp", "PageUp"}, {" ", "Space"}};
	for (size_t i = 0; i < ARRAY_SIZE(synonyms); i++)
		if (same_key(synonyms[i][0], name))
			name = synonyms[i][1];
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcmp(table[i].name, name) == 0)
			return table[i].action;
		for (size_t k = 0; k < KEYS_MAX && table[i].keys[k]; k++)
			if (same_key(table[i].keys[k], name))
				return table[i].action;
	}
	return ACTION_NONE;
}
