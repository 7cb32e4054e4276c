/* Decoders with a helper, over and over: every picture that is given, whole, scaled, cut and
 * spoilt. Without a sanitizer it compares with the decode by one thread; ThreadSanitizer sees what
 * the threads share. */
#include "producer/codec.h"

#include "common/util.h"

#include <fcntl.h>
#include <mural/pixel.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct file {
	uint8_t *data; /* owned */
	size_t size;
};

static bool read_file(const char *path, struct file *ret)
{
	struct stat status;
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return false;
	ret->size = (size_t)status.st_size;
	ret->data = malloc(ret->size);
	return ret->data && read(fd, ret->data, ret->size) == (ssize_t)ret->size;
}

/* The result of a decode into new memory; *ret_pixels is to be freed. */
static struct job_result decode(
	int fd, const struct job *probe, struct team *team, uint8_t **ret_pixels, size_t *ret_size)
{
	struct job_result result;
	struct job job = *probe;
	*ret_pixels = NULL;
	*ret_size = 0;
	codec_run(fd, &job, NULL, &result);
	if (result.error < 0)
		return result;
	job.kind = JOB_DECODE;
	job.width = result.width;
	job.height = result.height;
	job.memory_bytes = result.memory_bytes;
	if (!mural_bitmap_layout(
		    job.format, job.width, job.height, &job.stride_bytes, &job.window_length))
		abort();
	*ret_pixels = calloc(1, job.window_length);
	*ret_size = job.window_length;
	codec_run(fd, &job, &(struct codec_place){.pixels = *ret_pixels, .fd = -1, .team = team},
		&result);
	return result;
}

static bool same_with_helper(
	int fd, uint32_t box, uint32_t flags, struct team *team, const char *path)
{
	const struct job job = {.kind = JOB_PROBE,
		.format = MURAL_FORMAT_XRGB8888,
		.flags = flags,
		.box_width = box,
		.box_height = box,
		.max_pixels = UINT64_C(1) << 28,
		.memory_bytes = UINT64_C(1) << 30};
	CLEANUP(free_p) uint8_t *alone_pixels = NULL;
	CLEANUP(free_p) uint8_t *helped_pixels = NULL;
	size_t size;
	struct job_result alone = decode(fd, &job, NULL, &alone_pixels, &size);
	struct job_result helped = decode(fd, &job, team, &helped_pixels, &size);
	bool same = alone.error == helped.error && alone.reason == helped.reason &&
		    alone.flags == helped.flags &&
		    (alone.error < 0 || memcmp(alone_pixels, helped_pixels, size) == 0);
	if (!same)
		fprintf(stderr, "%s: %d %s, with a helper %d %s\n", path, alone.error, alone.text,
			helped.error, helped.text);
	return same;
}

static bool run(const char *path, struct team *team)
{
	struct file file = {0};
	CLEANUP(close_p) int fd = memfd_create("codec_threads", MFD_CLOEXEC);
	if (fd < 0 || !read_file(path, &file))
		return false;
	if (write(fd, file.data, file.size) != (ssize_t)file.size)
		return false;
	bool same =
		same_with_helper(fd, 0, 0, team, path) && same_with_helper(fd, 300, 0, team, path);
	/* Spoilt in the middle, then cut there. */
	uint8_t wrong = file.data[file.size / 2] ^ 0x55;
	same = same && pwrite(fd, &wrong, 1, (off_t)(file.size / 2)) == 1 &&
	       same_with_helper(fd, 0, 0, team, path) &&
	       same_with_helper(fd, 0, JOB_ALLOW_PARTIAL, team, path);
	same = same && ftruncate(fd, (off_t)(file.size / 2)) == 0 &&
	       same_with_helper(fd, 0, JOB_ALLOW_PARTIAL, team, path);
	free(file.data);
	return same;
}

int main(int argc, char **argv)
{
	struct team *team = team_create(1);
	bool same = team != NULL && argc > 1;
	for (int i = 1; i < argc; i++)
		same = run(argv[i], team) && same;
	team_destroy(team);
	return !same;
}
