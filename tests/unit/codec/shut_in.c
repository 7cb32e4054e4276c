/* Decoders run behind a system-call filter: reading the source by position, anonymous memory and
 * madvise are all that they may need. The sandbox's own tests show that it refuses the rest; this
 * one shows that no picture, whole or damaged, needs more. */
#include "decode.h"
#include "support/reference.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* A clock is read through the vDSO where there is one. */
static const char *const needed[] = {"pread64", "mmap", "mmap2", "munmap", "madvise", "brk",
	"clock_gettime", "clock_gettime64", "exit_group"};

static int shut_in(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(needed[i]), 0);
	return seccomp_load(filter);
}

/* In a child: it exits with 0 when it came through, whatever the decode's outcome. */
static void expect_only_needed_calls(
	const char *path, const struct bytes *file, size_t size, const struct request *options)
{
	CLEANUP(close_p) int fd = bytes_fd(file->data, size);
	struct job job = {
		.kind = JOB_PROBE,
		.format = options->format,
		.flags = options->flags,
		.box_width = options->box_width,
		.max_pixels = 1 << 28,
		.memory_bytes = 1 << 28,
	};
	pid_t child = fork();
	if (child == 0) {
		struct job_result result;
		codec_prepare_thread();
		if (shut_in() < 0)
			_exit(77);
		codec_run(fd, &job, NULL, &result);
		if (result.error == 0) {
			mural_bitmap_layout(job.format, result.width, result.height,
				&job.stride_bytes, &job.window_length);
			job.kind = JOB_DECODE;
			job.width = result.width;
			job.height = result.height;
			uint8_t *pixels = mmap(NULL, job.window_length, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			codec_run(fd, &job, &(struct codec_place){.pixels = pixels, .fd = -1},
				&result);
		}
		_exit(0);
	}
	int status = 0;
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		cr_skip("no system-call filter can be installed here");
	cr_expect(WIFEXITED(status), "%s, %zu bytes: signal %d", path, size, WTERMSIG(status));
}

static void expect_shut_in(const char *path, void *user)
{
	struct bytes file = bytes_read(path);
	(void)user;
	struct request request = {.format = MURAL_FORMAT_ARGB8888};
	expect_only_needed_calls(path, &file, file.size, &request);
	request = (struct request){
		.format = MURAL_FORMAT_RGB565, .flags = JOB_ALLOW_PARTIAL, .box_width = 50};
	expect_only_needed_calls(path, &file, file.size / 2, &request);
	file.data[file.size / 3] ^= 0x10;
	expect_only_needed_calls(path, &file, file.size, &request);
	bytes_free(&file);
}

Test(shut_in, decoding_needs_the_source_and_memory_and_nothing_else, .timeout = 200)
{
#if defined(MURAL_SANITIZED) || defined(MURAL_NO_SANDBOX)
	cr_skip("an instrumented build makes system calls of its own");
#endif
	cr_assert_gt(each_asset(expect_shut_in, NULL), 0);
}
