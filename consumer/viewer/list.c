/* Files, folders and their natural order. */
#include "viewer/list.h"

#include "viewer/folder.h"

#include "common/util.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void list_fini(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->paths[i]);
	free(list->paths);
	free(list->places);
	free(list->next);
	*list = (struct list){0};
}

const char *list_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

bool list_is_picture_name(const char *name)
{
	static const char *const extensions[] = {"jpg", "jpeg", "jpe", "jfif", "png"};
	const char *dot = strrchr(name, '.');
	if (!dot || name[0] == '.')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++)
		if (strcasecmp(dot + 1, extensions[i]) == 0)
			return true;
	return false;
}

static bool digit(char c)
{
	return isdigit((unsigned char)c) != 0;
}

/* Compares two runs of digits as numbers of any length, and steps over them. */
static int compare_numbers(const char **a, const char **b)
{
	while (**a == '0')
		(*a)++;
	while (**b == '0')
		(*b)++;
	size_t length_a = 0, length_b = 0;
	while (digit((*a)[length_a]))
		length_a++;
	while (digit((*b)[length_b]))
		length_b++;
	int order =
		length_a != length_b ? (length_a < length_b ? -1 : 1) : strncmp(*a, *b, length_a);
	*a += length_a;
	*b += length_b;
	return order;
}

/* The end of a name and of a folder's name come before every other character: what is in a folder
 * stays together. */
static int rank(char c)
{
	return c == '\0' ? 0 : c == '/' ? 1 : 2 + tolower((unsigned char)c);
}

int list_compare_natural(const char *a, const char *b)
{
	const char *p = a, *q = b;
	while (*p && *q) {
		int order;
		if (digit(*p) && digit(*q)) {
			order = compare_numbers(&p, &q);
		} else {
			order = rank(*p) - rank(*q);
			p++;
			q++;
		}
		if (order != 0)
			return order;
	}
	int order = rank(*p) - rank(*q);
	return order != 0 ? order : strcmp(a, b); /* same but for case or leading zeros */
}

static int compare_entries(const void *a, const void *b)
{
	return list_compare_natural(*(char *const *)a, *(char *const *)b);
}

/* Takes @path in every case; NULL is an allocation that failed. */
static int append(struct list *list, char *path)
{
	if (!path)
		return -ENOMEM;
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		char **paths = reallocarray(list->paths, capacity, sizeof(*paths));
		if (!paths) {
			free(path);
			return -ENOMEM;
		}
		list->paths = paths;
		list->capacity = capacity;
	}
	list->paths[list->count++] = path;
	return 0;
}

int list_append(struct list *list, const char *path)
{
	return append(list, strdup(path));
}

/* ---- which place a path has ---- */

/* Where the table has a path, or has room for it. */
static size_t table_place(const struct list *list, const char *path)
{
	size_t mask = list->place_count - 1, at = folder_hash(path) & mask;
	while (list->places[at] && strcmp(list->paths[list->places[at] - 1], path) != 0)
		at = (at + 1) & mask;
	return at;
}

static void index_one(struct list *list, size_t index)
{
	size_t *last = &list->places[table_place(list, list->paths[index])];
	list->next[index] = *last ? list->next[*last - 1] : index;
	if (*last)
		list->next[*last - 1] = index;
	*last = index + 1;
}

/* At most half of the table is used. */
static bool make_table(struct list *list)
{
	size_t count = list->place_count ? list->place_count : 256;
	while (count < 2 * list->count)
		count *= 2;
	size_t *places = calloc(count, sizeof(*places)), *next = calloc(count / 2, sizeof(*next));
	if (!places || !next) {
		free(places);
		free(next);
		return false;
	}
	free(list->places);
	free(list->next);
	list->places = places;
	list->next = next;
	list->place_count = count;
	list->indexed = 0;
	return true;
}

/* It is made anew when it is needed. */
static void drop_table(struct list *list)
{
	list->place_count = 0;
}

/* What came since the last time goes in. */
static bool index_all(struct list *list)
{
	if (list->place_count < 2 * list->count && !make_table(list))
		return false;
	while (list->indexed < list->count)
		index_one(list, list->indexed++);
	return list->count > 0;
}

bool list_find(struct list *list, const char *path, size_t *ret)
{
	if (!index_all(list))
		return false;
	size_t last = list->places[table_place(list, path)];
	if (last)
		*ret = list->next[last - 1];
	return last;
}

bool list_find_next(const struct list *list, size_t *index)
{
	size_t next = list->next[*index];
	bool is_later = next > *index;
	if (is_later)
		*index = next;
	return is_later;
}

void list_sort(struct list *list, size_t first)
{
	if (list->count <= first)
		return;
	if (list->indexed > first)
		drop_table(list);
	qsort(list->paths + first, list->count - first, sizeof(*list->paths), compare_entries);
}

void list_remove(struct list *list, const size_t *gone, size_t count)
{
	if (count == 0)
		return;
	size_t kept = gone[0];
	for (size_t i = kept, next = 0; i < list->count; i++) {
		if (next < count && gone[next] == i) {
			free(list->paths[i]);
			next++;
		} else {
			list->paths[kept++] = list->paths[i];
		}
	}
	list->count = kept;
	drop_table(list);
}

size_t list_place_without(const size_t *gone, size_t count, size_t place)
{
	size_t first = 0, end = count;
	while (first < end) {
		size_t middle = first + (end - first) / 2;
		if (gone[middle] < place)
			first = middle + 1;
		else
			end = middle;
	}
	return place - first;
}

bool list_is_one_of(const size_t *gone, size_t count, size_t place)
{
	size_t lower = place - list_place_without(gone, count, place);
	return lower < count && gone[lower] == place;
}

/* ---- files and folders ---- */

static char *join(const char *folder, const char *name, const char *end)
{
	char *joined;
	return asprintf(&joined, "%s%s%s", folder, name, end) < 0 ? NULL : joined;
}

static int scan_folder(struct list *list, const char *folder, bool recursive, unsigned depth)
{
	if (list->on_folder)
		list->on_folder(list->user, folder, recursive, depth);
	CLEANUP(folder_close_p) DIR *dir = folder_open(folder);
	if (!dir)
		return -errno;
	const struct dirent *entry;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		bool picture = list_is_picture_name(entry->d_name);
		if (!picture && !recursive)
			continue;
		enum folder_kind kind = folder_kind(dir, entry);
		if (kind == FOLDER_FILE && picture) {
			int r = append(list, join(folder, entry->d_name, ""));
			if (r < 0)
				return r;
		} else if (kind == FOLDER_FOLDER && recursive && depth < LIST_DEPTH_MAX) {
			CLEANUP(free_p) char *inner = join(folder, entry->d_name, "/");
			int r = inner ? scan_folder(list, inner, recursive, depth + 1) : -ENOMEM;
			if (r == -ENOMEM)
				return r; /* a folder that may not be read hides only itself */
		}
	}
	return 0;
}

static int add_folder(struct list *list, const char *path, unsigned flags)
{
	CLEANUP(free_p) char *folder = folder_named(path);
	return folder ? scan_folder(list, folder, flags & LIST_RECURSIVE, 0) : -ENOMEM;
}

/* Adds what else is in the folder of the only file that was named, which is the last one. */
static int add_siblings(struct list *list)
{
	const char *named = list->paths[list->count - 1];
	CLEANUP(free_p) char *folder = folder_of(named);
	size_t first = list->count, kept = first;
	int r = folder ? scan_folder(list, folder, false, 0) : -ENOMEM;
	for (size_t i = first; i < list->count; i++) {
		if (strcmp(list->paths[i], named) == 0)
			free(list->paths[i]);
		else
			list->paths[kept++] = list->paths[i];
	}
	list->count = kept;
	return r == -ENOMEM ? r : 0; /* the file itself may be readable where its folder is not */
}

static int add_all(struct list *list, const char *const *paths, size_t count, unsigned flags,
	const char **ret_bad)
{
	int failed = 0;
	for (size_t i = 0; i < count; i++) {
		size_t first = list->count;
		int r = folder_is(paths[i]) ? add_folder(list, paths[i], flags)
					    : append(list, folder_tidy(paths[i]));
		if (r == -ENOMEM)
			return r;
		if (flags & LIST_AS_NAMED)
			list_sort(list, first);
		if (r < 0 && failed == 0) {
			failed = r;
			*ret_bad = paths[i];
		}
	}
	return failed;
}

int list_add(struct list *list, const char *const *paths, size_t count, unsigned flags,
	size_t *ret_first, const char **ret_bad)
{
	const char *bad = NULL, *named = NULL;
	size_t first = list->count;
	bool alone = count == 1 && !folder_is(paths[0]);
	int r = add_all(list, paths, count, flags, &bad);
	if (r == 0 && alone) {
		named = list->paths[first];
		if (flags & LIST_SIBLINGS)
			r = add_siblings(list);
	}
	if (alone || !(flags & LIST_AS_NAMED))
		list_sort(list, first);
	*ret_first = first;
	for (size_t i = first; named && i < list->count; i++)
		if (list->paths[i] == named)
			*ret_first = i;
	if (ret_bad)
		*ret_bad = bad;
	return r;
}
