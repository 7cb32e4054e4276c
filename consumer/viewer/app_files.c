/* What becomes of the files while they are shown. */
#include "app_state.h"

#include "viewer/folder.h"
#include "viewer/timeout.h"

#include "common/util.h"

#include <string.h>

/* Many programs write a file anew by removing the old one first, or moving it away: what is told to
 * be gone is left in its place for one to two of these. */
#define GONE_MS 500

/* Before it is looked through: nothing that comes meanwhile is missed. */
static void on_folder(void *user, const char *folder, bool recursive, unsigned depth)
{
	struct app *app = user;
	if (app->follow)
		follow_folder(
			app->follow, folder, FOLLOW_GROWS | (recursive ? FOLLOW_DEEP : 0u), depth);
}

void app_watch_list(struct app *app)
{
	app->list.on_folder = on_folder;
	app->list.user = app;
}

void app_follow_files(struct app *app, size_t first)
{
	CLEANUP(free_p) char *last = NULL;
	for (size_t i = first; app->follow && i < app->list.count; i++) {
		char *folder = folder_of(app->list.paths[i]);
		if (folder && !(last && strcmp(last, folder) == 0))
			follow_folder(app->follow, folder, 0, 0);
		free(last);
		last = folder;
	}
}

/* Is it added when it comes, whether it was named or not? */
static bool grows_by(const char *path, bool grows)
{
	return grows && list_is_picture_name(list_base_name(path));
}

static void note_written(struct app *app, const char *path, bool grows)
{
	size_t index;
	bool known = list_find(&app->list, path, &index);
	for (bool more = known; more; more = list_find_next(&app->list, &index)) {
		show_changed(app->show, index, app->now_ms);
		gallery_changed(app->gallery, index);
	}
	bool wanted = grows_by(path, grows) || list_find(&app->left, path, &index);
	if (!known && wanted && !list_find(&app->news, path, &index))
		list_append(&app->news, path);
}

static void note_gone(struct app *app, const char *path, bool grows)
{
	size_t index;
	if (!list_find(&app->list, path, &index))
		return;
	if (app->gone.count + app->due.count == 0)
		app->gone_ms = app->now_ms;
	if (!list_find(&app->gone, path, &index))
		list_append(&app->gone, path);
	if (!grows_by(path, grows) && !list_find(&app->left, path, &index))
		list_append(&app->left, path);
}

static void doubt_folder(struct app *app, const char *folder, bool grows)
{
	size_t length = strlen(folder);
	for (size_t i = 0; i < app->list.count; i++) {
		const char *path = app->list.paths[i];
		if (strncmp(path, folder, length) == 0 && !strchr(path + length, '/'))
			note_gone(app, path, grows);
	}
}

static void on_news(void *user, const char *path, enum follow_news news, bool grows)
{
	switch (news) {
	case FOLLOW_CAME:
		note_written(user, path, grows);
		break;
	case FOLLOW_GONE:
		note_gone(user, path, grows);
		break;
	case FOLLOW_DOUBT:
		doubt_folder(user, path, grows);
		break;
	}
}

/* New files come behind the last: whoever looks through the others is not disturbed. */
static void add_news(struct app *app)
{
	size_t before = app->list.count;
	list_sort(&app->news, 0);
	for (size_t i = 0; i < app->news.count; i++)
		if (folder_is_file(app->news.paths[i]))
			list_append(&app->list, app->news.paths[i]);
	list_fini(&app->news);
	if (app->list.count == before)
		return;
	gallery_grew(app->gallery);
	app->dirty = true;
	if (before == 0)
		app_begin(app, 0);
}

static void take_out(struct app *app, const size_t *places, size_t count)
{
	list_remove(&app->list, places, count);
	show_removed(app->show, places, count);
	gallery_removed(app->gallery, places, count);
	app->dirty = true;
	if (app->list.count == 0)
		app_show_nothing(app);
}

/* What is shown stays to be seen; it leaves the list when it is left. */
static void keep_shown(struct app *app)
{
	if (!app->shown_gone)
		app_note(app, "the file is gone");
	app->shown_gone = true;
}

/* Or has it been written again by now? */
static bool is_gone(struct app *app, size_t index)
{
	size_t at;
	const char *path = app->list.paths[index];
	return list_find(&app->due, path, &at) && folder_lacks(path);
}

static void remove_due(struct app *app)
{
	size_t count = 0, shown = app->in_gallery ? SIZE_MAX : app_current(app);
	if (app->due.count == 0)
		return;
	CLEANUP(free_p) size_t *places = calloc(app->list.count, sizeof(*places));
	for (size_t i = 0; places && i < app->list.count; i++) {
		if (!is_gone(app, i))
			continue;
		if (i == shown)
			keep_shown(app);
		else
			places[count++] = i;
	}
	if (count > 0)
		take_out(app, places, count);
}

static void remove_gone(struct app *app)
{
	remove_due(app);
	list_fini(&app->due);
	app->due = app->gone;
	app->gone = (struct list){0};
	app->gone_ms = app->now_ms;
}

void app_let_go(struct app *app, size_t left)
{
	if (app->shown_gone && folder_lacks(app->list.paths[left]))
		take_out(app, &left, 1);
	app->shown_gone = false;
}

void app_read_news(struct app *app)
{
	if (!app->follow)
		return;
	follow_read(app->follow, on_news, app);
	/* A folder comes in any order, and perhaps in several steps. */
	if (!follow_pending(app->follow))
		add_news(app);
}

static bool has_news(const struct app *app)
{
	return app->follow && follow_pending(app->follow);
}

static int gone_timeout(const struct app *app, uint64_t now_ms)
{
	bool any = app->gone.count + app->due.count > 0;
	return any ? timeout_until(app->gone_ms, GONE_MS, now_ms) : -1;
}

int app_files_timeout(const struct app *app, uint64_t now_ms)
{
	return has_news(app) ? 0 : gone_timeout(app, now_ms);
}

void app_files_tick(struct app *app)
{
	if (has_news(app))
		app_read_news(app);
	if (gone_timeout(app, app->now_ms) == 0)
		remove_gone(app);
}
