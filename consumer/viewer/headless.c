#include "viewer/headless.h"

#include "viewer/png_file.h"

#include "common/log.h"
#include "common/util.h"

#include <string.h>

#define PATIENCE_MS 60000 /* the largest picture on a slow machine takes a few seconds */
#define STEP_MS 50

static uint64_t now(void)
{
	return monotonic_ns() / 1000000;
}

/* Lives for @step_ms at most: time, what arrived, drawing. */
static int live(struct app *app, int step_ms)
{
	app_tick(app, now());
	app_draw(app, now());
	int timeout = app_timeout(app, now());
	if (timeout < 0 || timeout > step_ms)
		timeout = step_ms;
	int r = app_wait(app, timeout);
	return r > 0 || r == -EINTR ? 0 : r;
}

static int live_for(struct app *app, uint64_t duration_ms)
{
	uint64_t end = now() + duration_ms;
	int r = 0;
	while (r == 0 && now() < end)
		r = live(app, STEP_MS);
	return r;
}

/* Until nothing is pending. */
static int come_to_rest(struct app *app)
{
	uint64_t end = now() + PATIENCE_MS;
	app_draw(app, now());
	while (app_pending(app)) {
		if (now() >= end)
			return -ETIMEDOUT;
		int r = live(app, STEP_MS);
		if (r < 0)
			return r;
	}
	app_draw(app, now());
	return 0;
}

static int tell_failure(struct app *app)
{
	const char *path, *reason = app_error(app, &path);
	if (!reason)
		return 0;
	log_line(LOG_ERROR, "%s: %s", path, reason);
	return 1;
}

int headless_snapshot(struct app *app, const char *path)
{
	int r = come_to_rest(app);
	if (r < 0)
		return r;
	app_refresh_stats(app); /* the memory line shall tell of now */
	r = come_to_rest(app);
	if (r < 0)
		return r;
	CLEANUP(image_fini) struct image image = {0};
	struct window_size size = app_size(app);
	r = image_resize(&image, size.width, size.height, 0);
	if (r < 0)
		return r;
	app_compose(app, &image);
	r = png_file_write(path, &image);
	if (r < 0)
		log_line(LOG_ERROR, "%s: %s", path, strerror(-r));
	return r < 0 ? 1 : 0;
}

/* The number behind "wait:"; false: it is not one. */
static bool wait_duration(const char *item, unsigned long *ret_ms)
{
	char *end;
	if (strncmp(item, "wait:", 5) != 0 || item[5] < '0' || item[5] > '9')
		return false;
	*ret_ms = strtoul(item + 5, &end, 10);
	return *end == '\0' && *ret_ms <= 3600000;
}

static bool is_snapshot(const char *item)
{
	return strncmp(item, "snapshot:", 9) == 0 && item[9] != '\0';
}

static bool knows(const char *item)
{
	unsigned long ms;
	if (item[0] == '!' && item[1] != '\0')
		item++;
	return strcmp(item, "wait") == 0 || wait_duration(item, &ms) || is_snapshot(item) ||
	       keys_action(item) != ACTION_NONE;
}

static int play(struct app *app, const char *item)
{
	unsigned long ms;
	int r = 0;
	bool at_once = item[0] == '!' && item[1] != '\0';
	if (at_once)
		item++;
	else
		r = come_to_rest(app);
	if (r < 0 || strcmp(item, "wait") == 0)
		return r;
	if (wait_duration(item, &ms))
		return live_for(app, ms);
	if (is_snapshot(item))
		return headless_snapshot(app, item + 9);
	int failed = at_once ? 0 : tell_failure(app);
	app_act(app, keys_action(item), now());
	return failed;
}

/* Calls @fn for every item until it returns something negative; the greatest of what it returned.
 */
static int for_each(const char *keys, int (*fn)(struct app *app, const char *item), struct app *app)
{
	CLEANUP(free_p) char *copy = strdup(keys);
	char *rest = copy, *item;
	int worst = copy ? 0 : -ENOMEM;
	while (worst >= 0 && rest && (item = strsep(&rest, ","))) {
		int r = item[0] ? fn(app, item) : 0;
		worst = r < 0 || r > worst ? r : worst;
	}
	return worst;
}

bool headless_knows_keys(const char *keys, char **ret_bad)
{
	CLEANUP(free_p) char *copy = strdup(keys);
	char *rest = copy, *item;
	*ret_bad = NULL;
	while (rest && (item = strsep(&rest, ",")))
		if (item[0] && !knows(item)) {
			*ret_bad = strdup(item);
			return false;
		}
	return copy != NULL;
}

int headless_play(struct app *app, const char *keys)
{
	int worst = for_each(keys, play, app);
	if (worst < 0)
		return worst;
	int r = come_to_rest(app);
	if (r < 0)
		return r;
	return tell_failure(app) ? 1 : worst;
}
