/* Probe, reserve, decode. */
#include "decode.h"

#include "common/util.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct bytes bytes_read(const char *path)
{
	struct bytes bytes = {0};
	struct stat st;
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return bytes;
	bytes.data = malloc((size_t)st.st_size);
	bytes.size = (size_t)read(fd, bytes.data, (size_t)st.st_size);
	return bytes;
}

void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
	bytes->data = NULL;
}

int bytes_fd(const uint8_t *data, size_t size)
{
	int fd = memfd_create("bytes", MFD_CLOEXEC);
	if (fd >= 0 && pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	return fd;
}

struct window {
	int fd; /* of the mapped memory; -1: it is nobody's file */
	uint64_t offset;
	uint8_t *mapping, *pixels;
	size_t length;
};

/* @size bytes that end where an unmapped page begins. */
static struct window window_open(size_t size, bool file)
{
	uint64_t rounded;
	if (!page_round_up(size, &rounded))
		abort();
	struct window window = {.fd = -1, .length = rounded + page_bytes()};
	if (file) {
		window.fd = memfd_create("window", MFD_CLOEXEC);
		window.offset = rounded - size;
		if (ftruncate(window.fd, (off_t)window.length) < 0)
			abort();
	}
	window.mapping = mmap(NULL, window.length, PROT_READ | PROT_WRITE,
		file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, window.fd, 0);
	if (window.mapping == MAP_FAILED)
		abort();
	mprotect(window.mapping + rounded, page_bytes(), PROT_NONE);
	window.pixels = window.mapping + rounded - size;
	memset(window.pixels, 0xa5, size);
	return window;
}

static struct job job_of(const struct request *request)
{
	return (struct job){
		.kind = JOB_PROBE,
		.format = request->format ? request->format : MURAL_FORMAT_XRGB8888,
		.flags = request->flags,
		.box_width = request->box_width,
		.box_height = request->box_height,
		.max_pixels = request->max_pixels ? request->max_pixels : UINT64_C(1) << 28,
		.memory_bytes = UINT64_C(64) << 20,
	};
}

int decode_fd(int fd, const struct request *request, struct decoded *ret)
{
	struct job job = job_of(request);
	uint64_t size;
	memset(ret, 0, sizeof(*ret));
	codec_run(fd, &job, NULL, &ret->probe);
	ret->result = ret->probe;
	if (ret->probe.error < 0)
		return ret->probe.error;
	if (!mural_bitmap_layout(
		    job.format, ret->probe.width, ret->probe.height, &job.stride_bytes, &size))
		abort();
	job.kind = JOB_DECODE;
	job.width = ret->probe.width;
	job.height = ret->probe.height;
	job.window_length = size;
	job.threads = request->helpers;
	job.memory_bytes = request->memory_bytes
				   ? request->memory_bytes
				   : job_memory_bytes(&ret->probe, request->helpers);
	struct window window = window_open(size, request->writes);
	job.window_offset = window.offset;
	struct team *team = team_create(request->helpers);
	codec_run(fd, &job,
		&(struct codec_place){.pixels = window.pixels, .fd = window.fd, .team = team},
		&ret->result);
	team_destroy(team);
	if (ret->result.error == 0) {
		ret->pixels = malloc(size);
		ret->size = size;
		memcpy(ret->pixels, window.pixels, size);
	}
	munmap(window.mapping, window.length);
	close_p(&window.fd);
	return ret->result.error;
}

int decode_bytes(
	const uint8_t *data, size_t size, const struct request *request, struct decoded *ret)
{
	CLEANUP(close_p) int fd = bytes_fd(data, size);
	return decode_fd(fd, request, ret);
}

int decode_path(const char *path, const struct request *request, struct decoded *ret)
{
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	return decode_fd(fd, request, ret);
}

void decoded_free(struct decoded *decoded)
{
	free(decoded->pixels);
	decoded->pixels = NULL;
}

static bool is_picture(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && (strcmp(dot, ".jpg") == 0 || strcmp(dot, ".png") == 0);
}

static unsigned each_in(const char *folder, const char *prefix,
	void (*use)(const char *path, void *user), void *user)
{
	unsigned count = 0;
	DIR *listing = opendir(folder);
	if (!listing)
		return 0;
	for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
		char path[1024];
		if (!is_picture(entry->d_name) ||
			strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		use(path, user);
		count++;
	}
	closedir(listing);
	return count;
}

unsigned each_format(const char *prefix, void (*use)(const char *path, void *user), void *user)
{
	return each_in(MURAL_ASSETS_DIR "/formats", prefix, use, user);
}

unsigned each_asset(void (*use)(const char *path, void *user), void *user)
{
	return each_format("", use, user) + each_in(MURAL_ASSETS_DIR "/pictures", "", use, user);
}
