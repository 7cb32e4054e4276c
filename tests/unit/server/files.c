/* Which file systems are asked on the event loop, and what becomes of the threads for others. */
#include "files.h"
#include "local.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define TIMEOUT_MS 60000

static int local_file(void)
{
	int fd = memfd_create("mural-test", MFD_CLOEXEC);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "pixels", 6), 6);
	return fd;
}

/* ---- devices ---- */

static struct local_file look(const struct local_devices *devices, int fd)
{
	struct local_file file;
	local_look(devices, fd, &file);
	return file;
}

Test(local, is_known_once_it_was_learnt)
{
	struct local_devices devices = {0};
	CLEANUP(close_p) int fd = local_file();
	struct stat st;
	struct local_file file = look(&devices, fd);
	cr_assert_eq(file.local, LOCAL_UNKNOWN);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_eq(file.device, st.st_dev);
	local_learn(&devices, file.device, local_ask(fd));
	cr_assert_eq(look(&devices, fd).local, LOCAL_YES);
	local_learn(&devices, file.device, LOCAL_NO);
	cr_assert_eq(look(&devices, fd).local, LOCAL_NO, "the last word counts");
}

Test(local, only_file_systems_on_the_list_are)
{
	CLEANUP(close_p) int process = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	CLEANUP(close_p) int event = eventfd(0, EFD_CLOEXEC);
	cr_assert_eq(local_ask(process), LOCAL_NO);
	cr_assert_eq(local_ask(event), LOCAL_NO);
	cr_assert_eq(local_ask(-1), LOCAL_NO);
}

Test(local, a_file_has_a_name_until_it_is_removed)
{
	const struct local_devices devices = {0};
	char path[] = "local-test-XXXXXX";
	CLEANUP(close_p) int fd = mkostemp(path, O_CLOEXEC);
	cr_assert_geq(fd, 0);
	cr_assert(look(&devices, fd).has_name);
	cr_assert_eq(unlink(path), 0);
	cr_assert_not(look(&devices, fd).has_name);
}

Test(local, what_can_not_be_looked_at_is_not)
{
	const struct local_devices devices = {0};
	cr_assert_eq(look(&devices, -1).local, LOCAL_NO);
}

Test(local, the_oldest_makes_room)
{
	struct local_devices devices = {0};
	CLEANUP(close_p) int fd = local_file();
	dev_t device = look(&devices, fd).device;
	local_learn(&devices, device, LOCAL_YES);
	for (unsigned i = 1; i < LOCAL_DEVICES; i++)
		local_learn(&devices, device + i, LOCAL_NO);
	cr_assert_eq(look(&devices, fd).local, LOCAL_YES);
	local_learn(&devices, device + LOCAL_DEVICES, LOCAL_NO);
	cr_assert_eq(look(&devices, fd).local, LOCAL_UNKNOWN);
}

/* ---- answers ---- */

struct answers {
	unsigned count;
	struct file_answer last;
};

static void on_answer(void *user, const struct file_answer *answer)
{
	struct answers *answers = user;
	answers->count++;
	answers->last = *answer;
}

/* Takes @fd, whose device is known from then on: one answer has been given. */
static struct files *files_that_know(int fd, struct answers *answers)
{
	struct files *files;
	cr_assert_eq(files_create(&files), 0);
	cr_assert_eq(files_verify(files, fd, on_answer, answers, monotonic_ns(), NULL), 0);
	struct pollfd polled = {.fd = files_fd(files), .events = POLLIN};
	cr_assert_eq(poll(&polled, 1, TIMEOUT_MS), 1);
	files_dispatch(files, monotonic_ns());
	cr_assert_eq(answers->count, 1);
	cr_assert_eq(answers->last.error, 0);
	return files;
}

Test(files, a_local_file_is_answered_without_waiting)
{
	struct answers answers = {0};
	struct files *files = files_that_know(local_file(), &answers);
	for (unsigned i = 0; i < 200; i++) {
		int fd = local_file();
		cr_assert_eq(
			files_identify(files, fd, on_answer, &answers, monotonic_ns(), NULL), 0);
		cr_assert_eq(answers.count, i + 1, "not from within the call");
		cr_assert_eq(files_deadline(files), 0);
		files_dispatch(files, monotonic_ns());
		cr_assert_eq(answers.count, i + 2);
		cr_assert_eq(answers.last.identity.size, 6);
		cr_assert_eq(answers.last.fd, fd);
		close(fd);
	}
	files_destroy(files);
}

Test(files, what_is_no_picture_at_all_is_refused_at_once_too)
{
	struct answers answers = {0};
	struct files *files = files_that_know(local_file(), &answers);
	int empty = memfd_create("mural-test", MFD_CLOEXEC);
	cr_assert_eq(files_identify(files, empty, on_answer, &answers, monotonic_ns(), NULL), 0);
	cr_assert_eq(files_deadline(files), 0);
	files_dispatch(files, monotonic_ns());
	cr_assert_eq(answers.last.error, -ENODATA);
	cr_assert_eq(answers.last.fd, -1);
	files_destroy(files);
}

/* By the one look that also says that the file system is local. */
Test(files, a_local_answer_is_what_fstat_says)
{
	struct answers answers = {0};
	struct files *files = files_that_know(local_file(), &answers);
	int fd = local_file();
	struct stat st;
	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_eq(files_identify(files, fd, on_answer, &answers, monotonic_ns(), NULL), 0);
	files_answer(files);
	const struct protocol_identity *identity = &answers.last.identity;
	cr_assert_eq(identity->device, st.st_dev);
	cr_assert_eq(identity->inode, st.st_ino);
	cr_assert_eq(identity->size, st.st_size);
	cr_assert_eq(identity->mtime_s, st.st_mtim.tv_sec);
	cr_assert_eq(identity->mtime_ns, st.st_mtim.tv_nsec);
	cr_assert_eq(identity->ctime_s, st.st_ctim.tv_sec);
	cr_assert_eq(identity->ctime_ns, st.st_ctim.tv_nsec);
	close(fd);
	files_destroy(files);
}

/* A thread's and the loop's: one file must not be two keys. */
Test(files, a_thread_and_the_loop_say_the_same)
{
	struct answers answers = {0};
	int fd = local_file();
	struct files *files = files_that_know(dup(fd), &answers);
	struct protocol_identity by_thread = answers.last.identity;
	cr_assert_eq(files_identify(files, fd, on_answer, &answers, monotonic_ns(), NULL), 0);
	files_answer(files);
	cr_assert_eq(memcmp(&by_thread, &answers.last.identity, sizeof(by_thread)), 0);
	close(fd);
	files_destroy(files);
}

Test(files, what_can_only_write_is_refused_at_once_too)
{
	struct answers answers = {0};
	struct files *files = files_that_know(local_file(), &answers);
	char path[64];
	CLEANUP(close_p) int file = local_file();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	for (int i = 0; i < 2; i++) {
		int fd = open(path, (i == 0 ? O_WRONLY : O_PATH) | O_CLOEXEC);
		cr_assert_eq(
			files_identify(files, fd, on_answer, &answers, monotonic_ns(), NULL), 0);
		files_answer(files);
		cr_assert_eq(answers.last.error, -EINVAL);
		cr_assert_eq(answers.last.fd, -1);
	}
	files_destroy(files);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* What this process was started from: on a file system of this machine, or nothing is to be seen.
 */
static int named_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	if (local_ask(fd) != LOCAL_YES) {
		close(fd);
		cr_skip("the build folder is on no file system that is known to be local");
	}
	return fd;
}

Test(files, a_local_file_with_a_name_is_closed_at_once)
{
	struct answers answers = {0};
	int fd = named_file();
	struct files *files = files_that_know(dup(fd), &answers);
	files_close(files, fd);
	cr_assert_not(is_open(fd));
	files_destroy(files);
}

Test(files, what_was_looked_at_once_is_closed_without_another_look)
{
	struct answers answers = {0};
	int fd = named_file();
	struct files *files = files_that_know(dup(fd), &answers);
	cr_assert_eq(files_identify(files, fd, on_answer, &answers, monotonic_ns(), NULL), 0);
	files_answer(files);
	cr_assert(answers.last.closes_at_once);
	files_done(files, &answers.last);
	cr_assert_not(is_open(fd));
	files_destroy(files);
}

Test(files, a_close_that_removes_the_file_is_left_to_a_thread)
{
	struct answers answers = {0};
	struct files *files = files_that_know(local_file(), &answers);
	int fd = local_file();
	cr_assert_eq(files_identify(files, fd, on_answer, &answers, monotonic_ns(), NULL), 0);
	files_answer(files);
	cr_assert_not(answers.last.closes_at_once, "a memfd has no name");
	files_done(files, &answers.last);
	for (int i = 0; i < TIMEOUT_MS && is_open(fd); i++)
		poll(NULL, 0, 1);
	cr_assert_not(is_open(fd));
	files_destroy(files);
}

Test(files, one_without_a_name_is_closed_too)
{
	struct answers answers = {0};
	struct files *files = files_that_know(local_file(), &answers);
	int fd = local_file();
	files_close(files, fd);
	for (int i = 0; i < TIMEOUT_MS && is_open(fd); i++)
		poll(NULL, 0, 1);
	cr_assert_not(is_open(fd));
	files_destroy(files);
}

Test(files, what_was_answered_goes_with_the_owner)
{
	struct answers answers = {0};
	struct files *files = files_that_know(local_file(), &answers);
	int fd = local_file();
	cr_assert_eq(files_identify(files, fd, on_answer, &answers, monotonic_ns(), NULL), 0);
	files_destroy(files);
	cr_assert_not(is_open(fd));
	cr_assert_eq(answers.count, 1);
}

Test(files, what_is_forgotten_is_not_answered)
{
	struct answers answers = {0};
	struct files *files = files_that_know(local_file(), &answers);
	struct file_ticket *ticket;
	cr_assert_eq(
		files_identify(files, local_file(), on_answer, &answers, monotonic_ns(), &ticket),
		0);
	files_forget(files, ticket);
	files_dispatch(files, monotonic_ns());
	cr_assert_eq(answers.count, 1);
	files_destroy(files);
}

/* ---- a dead mount ---- */

/* Descriptors from that number on are of files there. */
enum { DEAD_FD = 400, DEAD_MANY = FILES_THREADS_MAX + 10 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t change;
	unsigned blocked, closed;
	bool alive;
} mount = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

int __real_statx(int fd, const char *path, int flags, unsigned mask, struct statx *ret);
int __wrap_statx(int fd, const char *path, int flags, unsigned mask, struct statx *ret);
int __wrap_statx(int fd, const char *path, int flags, unsigned mask, struct statx *ret)
{
	int r = __real_statx(fd, path, flags, mask, ret);
	if (r == 0 && fd >= DEAD_FD)
		ret->stx_dev_minor++;
	return r;
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	if (fd < DEAD_FD)
		return __real_close(fd);
	pthread_mutex_lock(&mount.lock);
	mount.blocked++;
	while (!mount.alive)
		pthread_cond_wait(&mount.change, &mount.lock);
	mount.blocked--;
	mount.closed++;
	pthread_cond_broadcast(&mount.change);
	pthread_mutex_unlock(&mount.lock);
	return __real_close(fd);
}

static void come_back(void)
{
	pthread_mutex_lock(&mount.lock);
	mount.alive = true;
	pthread_cond_broadcast(&mount.change);
	pthread_mutex_unlock(&mount.lock);
}

static void wait_until_all_are_closed(void)
{
	pthread_mutex_lock(&mount.lock);
	while (mount.closed < DEAD_MANY)
		pthread_cond_wait(&mount.change, &mount.lock);
	pthread_mutex_unlock(&mount.lock);
}

/* As many threads as will be are there. */
static void close_many(struct files *files)
{
	uint64_t now_ns = monotonic_ns();
	for (int i = 0; i < DEAD_MANY; i++) {
		CLEANUP(close_p) int fd = local_file();
		int dead = fcntl(fd, F_DUPFD_CLOEXEC, DEAD_FD);
		cr_assert_geq(dead, DEAD_FD);
		files_close(files, dead);
	}
	while (files_deadline(files) != UINT64_MAX) {
		now_ns += UINT64_C(20000000);
		files_dispatch(files, now_ns);
		poll(NULL, 0, 1);
	}
}

Test(files, a_dead_mount_does_not_take_all_threads, .timeout = 60)
{
	struct answers answers = {0};
	struct files *files;
	cr_assert_eq(files_create(&files), 0);
	close_many(files);
	pthread_mutex_lock(&mount.lock);
	cr_expect_leq(mount.blocked, FILES_THREADS_EACH);
	pthread_mutex_unlock(&mount.lock);
	cr_assert_eq(
		files_verify(files, local_file(), on_answer, &answers, monotonic_ns(), NULL), 0);
	while (answers.count == 0) {
		files_dispatch(files, monotonic_ns());
		poll(NULL, 0, 1);
	}
	cr_expect_eq(answers.last.error, 0, "nobody looked at it");
	come_back();
	wait_until_all_are_closed();
	files_destroy(files);
}

Test(files, what_it_holds_is_closed_without_the_owner_too, .timeout = 60)
{
	struct files *files;
	cr_assert_eq(files_create(&files), 0);
	close_many(files);
	files_destroy(files);
	come_back();
	wait_until_all_are_closed();
}
