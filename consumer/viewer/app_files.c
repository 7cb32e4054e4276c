/* What becomes of the files while they are shown. */
#include "app_state.h"

#include "viewer/folder.h"

#include "common/util.h"

#include <string.h>

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

static void on_file(void *user, const char *path, bool grows)
{
	struct app *app = user;
	size_t index;
	bool known = list_find(&app->list, path, &index);
	for (bool more = known; more; more = list_find_next(&app->list, &index)) {
		show_changed(app->show, index, app->now_ms);
		gallery_changed(app->gallery, index);
	}
	if (!known && grows && list_is_picture_name(list_base_name(path)) &&
		!list_find(&app->news, path, &index))
		list_append(&app->news, path);
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

void app_read_news(struct app *app)
{
	if (!app->follow)
		return;
	follow_read(app->follow, on_file, app);
	/* A folder comes in any order, and perhaps in several steps. */
	if (!follow_pending(app->follow))
		add_news(app);
}
