/* Makes them once; links, so that a viewer finds these alone in their folder. */
#include "twenty.h"
#include "harness/bench.h"
#include "mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path[TWENTY];

static void make_pair(int first, unsigned megapixels, const char *kind)
{
	char *source = bench_picture(megapixels, kind);
	const char *suffix = strrchr(source, '.');
	for (int i = 0; i < 2; i++)
		bench_must(asprintf(&path[first + i], "%s/pictures/%02d%s", bench_folder(),
				   first + i, suffix) >= 0,
			"memory");
	bench_must(symlink(source, path[first]) == 0, path[first]);
	bench_must(mirror_picture(source, path[first + 1], strcmp(kind, "progressive") == 0),
		path[first + 1]);
	free(source);
}

const char *const *twenty_pictures(void)
{
	static const char *const kinds[] = {"jpeg", "progressive", "q95", "restart", "png"};
	char *folder;
	bench_must(asprintf(&folder, "%s/pictures", bench_folder()) >= 0, "memory");
	bench_must(mkdir(folder, 0700) == 0, folder);
	free(folder);
	for (int i = 0; i < TWENTY / 2; i++)
		make_pair(2 * i, i < 5 ? 2 : 4, kinds[i % 5]);
	return (const char *const *)path;
}
