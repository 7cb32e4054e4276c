#include "viewer/folder.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char *folder_tidy(const char *path)
{
	char *tidy = malloc(strlen(path) + 1), *to = tidy;
	if (!tidy)
		return NULL;
	for (const char *at = path; *at; at++) {
		if (to > tidy && to[-1] == '/') {
			if (*at == '/')
				continue;
			if (at[0] == '.' && (at[1] == '/' || at[1] == '\0'))
				continue; /* as does the slash behind it */
		}
		*to++ = *at;
	}
	*to = '\0';
	return tidy;
}

char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
}

char *folder_named(const char *path)
{
	char *named;
	CLEANUP(free_p) char *tidy = folder_tidy(path);
	size_t length = tidy ? strlen(tidy) : 0;
	if (length == 0 || tidy[length - 1] == '/')
		return take_ptr(&tidy);
	return asprintf(&named, "%s/", tidy) < 0 ? NULL : named;
}

size_t folder_hash(const char *path)
{
	uint64_t value = 0xcbf29ce484222325u; /* FNV-1a */
	for (; *path; path++)
		value = (value ^ (unsigned char)*path) * 0x100000001b3u;
	return (size_t)(value ^ value >> 32);
}

bool folder_is(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool folder_is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool folder_lacks(const char *path)
{
	struct stat st;
	return lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

DIR *folder_open(const char *folder)
{
	return opendir(folder[0] ? folder : ".");
}

void folder_close_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
	*dir = NULL;
}

enum folder_kind folder_kind(DIR *dir, const struct dirent *entry)
{
	struct stat st;
	if (entry->d_type == DT_REG)
		return FOLDER_FILE;
	if (entry->d_type == DT_DIR)
		return FOLDER_FOLDER;
	if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
		return FOLDER_OTHER;
	if (fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
		return FOLDER_OTHER;
	if (S_ISREG(st.st_mode))
		return FOLDER_FILE;
	return S_ISDIR(st.st_mode) && entry->d_type == DT_UNKNOWN ? FOLDER_FOLDER : FOLDER_OTHER;
}
