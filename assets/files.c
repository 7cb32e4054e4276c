/* Output files: a generator that can not write has nothing left to do. */
#include "files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void give_up(const char *name, int reason)
{
	(void)fprintf(stderr, "make_assets: %s: %s\n", name, strerror(reason));
	exit(1);
}

FILE *file_create(const char *folder, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		give_up(name, ENAMETOOLONG);
	FILE *file = fopen(path, "wb");
	if (!file)
		give_up(path, errno);
	return file;
}

void file_finish(FILE *file, const char *name)
{
	int failed = ferror(file);

	if (fclose(file) != 0 || failed)
		give_up(name, errno ? errno : EIO);
}

void folder_create(const char *path)
{
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		give_up(path, errno);
}
