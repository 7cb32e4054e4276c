/* Files, folders and their natural order. */
#include "viewer/list.h"

#include "common/util.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* A loop of bind mounts or a tree made to hurt must not run us out of stack. */
#define DEPTH_MAX 32

void list_fini(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->paths[i]);
	free(list->paths);
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

bool list_contains(const struct list *list, const char *path)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->paths[i], path) == 0)
			return true;
	return false;
}

static char *join(const char *folder, const char *name)
{
	size_t length = strlen(folder);
	while (length > 1 && folder[length - 1] == '/')
		length--;
	const char *slash = folder[length - 1] == '/' ? "" : "/";
	char *joined;
	return asprintf(&joined, "%.*s%s%s", (int)length, folder, slash, name) < 0 ? NULL : joined;
}

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

enum kind { KIND_OTHER, KIND_FILE, KIND_FOLDER };

/* Most file systems tell the kind for free; a stat for each of 10 000 files would be felt. */
static enum kind kind_of(DIR *dir, const struct dirent *entry)
{
	struct stat st;
	if (entry->d_type == DT_REG)
		return KIND_FILE;
	if (entry->d_type == DT_DIR)
		return KIND_FOLDER;
	if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
		return KIND_OTHER;
	if (fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
		return KIND_OTHER;
	if (S_ISREG(st.st_mode))
		return KIND_FILE;
	return S_ISDIR(st.st_mode) && entry->d_type == DT_UNKNOWN ? KIND_FOLDER : KIND_OTHER;
}

static int scan_folder(struct list *list, const char *folder, bool recursive, int depth)
{
	CLEANUP(closedir_p) DIR *dir = opendir(folder);
	if (!dir)
		return -errno;
	const struct dirent *entry;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		bool picture = list_is_picture_name(entry->d_name);
		if (!picture && !recursive)
			continue;
		enum kind kind = kind_of(dir, entry);
		if (kind == KIND_FILE && picture) {
			int r = append(list, join(folder, entry->d_name));
			if (r < 0)
				return r;
		} else if (kind == KIND_FOLDER && recursive && depth < DEPTH_MAX) {
			CLEANUP(free_p) char *inner = join(folder, entry->d_name);
			int r = inner ? scan_folder(list, inner, recursive, depth + 1) : -ENOMEM;
			if (r == -ENOMEM)
				return r; /* a folder that may not be read hides only itself */
		}
	}
	return 0;
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Adds what else is in the folder of the only file that was named. */
static int add_siblings(struct list *list, const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(free_p)
	char *folder =
		slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	struct list found = {0};
	int r = folder ? scan_folder(&found, folder, false, 0) : -ENOMEM;
	for (size_t i = 0; i < found.count && r == 0; i++) {
		const char *name = list_base_name(found.paths[i]);
		if (strcmp(name, list_base_name(path)) != 0)
			r = append(list, slash ? strdup(found.paths[i]) : strdup(name));
	}
	list_fini(&found);
	return r == -ENOMEM ? r : 0; /* the file itself may be readable where its folder is not */
}

static void sort_from(struct list *list, size_t first)
{
	if (list->count > first)
		qsort(list->paths + first, list->count - first, sizeof(*list->paths),
			compare_entries);
}

static int add_all(struct list *list, const char *const *paths, size_t count, unsigned flags,
	const char **ret_bad)
{
	int failed = 0;
	for (size_t i = 0; i < count; i++) {
		size_t first = list->count;
		int r = is_folder(paths[i]) ? scan_folder(list, paths[i], flags & LIST_RECURSIVE, 0)
					    : append(list, strdup(paths[i]));
		if (r == -ENOMEM)
			return r;
		if (flags & LIST_AS_NAMED)
			sort_from(list, first);
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
	const char *bad = NULL;
	size_t first = list->count;
	bool alone = count == 1 && !is_folder(paths[0]);
	int r = add_all(list, paths, count, flags, &bad);
	if (r != -ENOMEM && alone && (flags & LIST_SIBLINGS))
		r = add_siblings(list, paths[0]);
	if (alone || !(flags & LIST_AS_NAMED))
		sort_from(list, first);
	*ret_first = first;
	for (size_t i = first; alone && i < list->count; i++)
		if (strcmp(list->paths[i], paths[0]) == 0)
			*ret_first = i;
	if (ret_bad)
		*ret_bad = bad;
	return r;
}
