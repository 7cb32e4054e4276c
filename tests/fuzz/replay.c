/* Stands in for libFuzzer where it is not: runs the target once on every file of the folders that
 * are named, links and folders in them left out. A target reports a finding by aborting. */
#include "fuzz.h"

#include "common/util.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static int replay_file(int folder, const char *name)
{
	struct stat st;
	CLEANUP(close_p) int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	CLEANUP(free_p) uint8_t *data = malloc((size_t)st.st_size + 1);
	if (!data || read(fd, data, (size_t)st.st_size) != st.st_size)
		return -EIO;
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	return 1;
}

static int replay_folder(const char *path)
{
	int count = 0;
	DIR *listing = opendir(path);
	if (!listing)
		return -errno;
	for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
		int r = entry->d_name[0] == '.' ? 0 : replay_file(dirfd(listing), entry->d_name);
		if (r < 0) {
			fprintf(stderr, "%s/%s can not be read\n", path, entry->d_name);
			count = r;
			break;
		}
		count += r;
	}
	closedir(listing);
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;
	for (int i = 1; i < argc; i++) {
		int r = replay_folder(argv[i]);
		if (r < 0) {
			fprintf(stderr, "%s: error %d\n", argv[i], -r);
			return 1;
		}
		count += r;
	}
	printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
