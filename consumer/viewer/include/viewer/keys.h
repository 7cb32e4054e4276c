/* viewer/keys.h - one table of what can be done: names, keys, help. The window, --keys and the help
 * overlay all read it. */
#ifndef VIEWER_KEYS_H
#define VIEWER_KEYS_H

#include <stddef.h>

enum action {
	ACTION_NONE,
	ACTION_NEXT,
	ACTION_PREVIOUS,
	ACTION_FIRST,
	ACTION_LAST,
	ACTION_PAGE_DOWN, /* a screen further in the gallery, the next picture elsewhere */
	ACTION_PAGE_UP,
	ACTION_LEFT, /* the arrows: the selection in the gallery; a picture larger than the window
			moves; else previous */
	ACTION_RIGHT,
	ACTION_UP,
	ACTION_DOWN,
	ACTION_PAN_LEFT,
	ACTION_PAN_RIGHT,
	ACTION_PAN_UP,
	ACTION_PAN_DOWN,
	ACTION_ZOOM_IN,
	ACTION_ZOOM_OUT,
	ACTION_ACTUAL_SIZE,
	ACTION_FIT,
	ACTION_FULLSCREEN,
	ACTION_ROTATE_LEFT,
	ACTION_ROTATE_RIGHT,
	ACTION_FLIP_HORIZONTAL,
	ACTION_FLIP_VERTICAL,
	ACTION_GALLERY,
	ACTION_SLIDESHOW,
	ACTION_INFO,
	ACTION_MEMORY,
	ACTION_PURGE,
	ACTION_RELOAD,
	ACTION_HELP,
	ACTION_BACK, /* out of help, out of the gallery, out of the program */
	ACTION_QUIT,
	ACTION_COUNT,
};

#define KEYS_MAX 5

struct action_info {
	enum action action;
	const char *name;           /* for --keys: "next" */
	const char *keys[KEYS_MAX]; /* unused ones are NULL. One character (its case counts) or a
				       name: "Right" */
	const char *help;           /* for the help overlay and --list-keys */
};

/* All actions, in the order in which help lists them. */
const struct action_info *keys_table(size_t *ret_count);

/* What a key ("g", "G", "Right") or an action's name ("next") does; ACTION_NONE when unknown. Names
 * of several letters are compared without regard to case. */
enum action keys_action(const char *name);

#endif
