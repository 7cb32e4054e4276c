/* A program written against the device: opens it, sizes it, maps, pins, reads, seeks. It knows
 * nothing of libashmem, and prints what is not as the device does it. */
#define _GNU_SOURCE
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

/* Told by the argument "kernel": it is the kernel's own driver, whose faults the preload library
 * does not imitate. */
static int kernel;

static int region(const char *name, size_t size)
{
	int fd = open("/dev/ashmem", O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	if (name)
		CHECK(ioctl(fd, SET_NAME, name) == 0);
	CHECK(ioctl(fd, SET_SIZE, size) == 0);
	return fd;
}

static char *map(int fd, size_t size, int prot)
{
	char *at = mmap(NULL, size, prot, MAP_SHARED, fd, 0);
	CHECK(at != MAP_FAILED);
	return at;
}

/* ---- a new one: A1, A2 ---- */

static void new_region(void)
{
	char name[NAME_LENGTH], byte;
	int fd = open("/dev/ashmem", O_RDWR);
	CHECK(fd >= 0);
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0);
	CHECK(ioctl(fd, GET_SIZE, NULL) == 0);
	CHECK(ioctl(fd, GET_MASK, NULL) == 7);
	CHECK(ioctl(fd, GET_NAME, name) == 0 && strcmp(name, "dev/ashmem") == 0);
	FAILS(EINVAL, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	CHECK(read(fd, &byte, 1) == 0);
	CHECK(pread(fd, &byte, 1, 0) == 0);
	FAILS(EINVAL, lseek(fd, 0, SEEK_SET));
	FAILS(EINVAL, pin_call(fd, PIN, 0, 0));
	FAILS(EINVAL, pin_call(fd, UNPIN, 0, 0));
	FAILS(EINVAL, pin_call(fd, STATUS, 0, 0));
	CHECK(close(fd) == 0);
	FAILS(EBADF, ioctl(fd, GET_SIZE, NULL));
}

static void ways_to_open(void)
{
	int ways[] = {
		open("/dev/ashmem", O_RDWR | O_CLOEXEC),
		open64("/dev/ashmem", O_RDWR | O_CLOEXEC),
		openat(AT_FDCWD, "/dev/ashmem", O_RDWR | O_CLOEXEC),
		openat64(AT_FDCWD, "/dev/ashmem", O_RDWR | O_CLOEXEC),
		open("/dev/ashmem01234567-89ab-cdef-0123-456789abcdef", O_RDWR | O_CLOEXEC),
	};
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		CHECK(ways[i] >= 0 && ioctl(ways[i], GET_MASK, NULL) == 7);
		CHECK(fcntl(ways[i], F_GETFD) & FD_CLOEXEC);
		CHECK(ioctl(ways[i], SET_SIZE, PAGE * (i + 1)) == 0);
	}
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		CHECK(ioctl(ways[i], GET_SIZE, NULL) == (int)(PAGE * (i + 1)));
		close(ways[i]);
	}
	int made = creat("/dev/ashmem", 0600);
	CHECK(made >= 0 && ioctl(made, GET_MASK, NULL) == 7);
	close(made);
	FAILS(ENOENT, open("/dev/ashmem2", O_RDWR));
	FAILS(EEXIST, open("/dev/ashmem", O_RDWR | O_CREAT | O_EXCL, 0600));
}

/* ---- size and name: A3 to A6, A8 ---- */

static void size_until_the_first_mapping(void)
{
	int fd = region(NULL, 5000);
	char byte;
	CHECK(ioctl(fd, GET_SIZE, NULL) == 5000);
	CHECK(ioctl(fd, SET_SIZE, (size_t)0) == 0);
	CHECK(ioctl(fd, GET_SIZE, NULL) == 0);
	CHECK(ioctl(fd, SET_SIZE, (size_t)3 * PAGE) == 0);
	/* sized, never mapped */
	FAILS(EBADF, read(fd, &byte, 1));
	FAILS(EBADF, lseek(fd, 0, SEEK_CUR));
	FAILS(EINVAL, pin_call(fd, UNPIN, 0, 0));
	/* a mapping that fails freezes nothing */
	FAILS(EINVAL, mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0));
	FAILS(EINVAL, mmap(NULL, PAGE, RW, MAP_SHARED, fd, 100));
	CHECK(ioctl(fd, SET_SIZE, (size_t)2 * PAGE) == 0);
	char *at = map(fd, 2 * PAGE, RW);
	FAILS(EINVAL, ioctl(fd, SET_SIZE, (size_t)2 * PAGE));
	FAILS(EINVAL, ioctl(fd, SET_NAME, "late"));
	CHECK(munmap(at, 2 * PAGE) == 0);
	FAILS(EINVAL, ioctl(fd, SET_SIZE, (size_t)PAGE));
	CHECK(ioctl(fd, GET_SIZE, NULL) == 2 * PAGE);
	close(fd);
}

static void sizes_that_do_not_fit(void)
{
	int fd = region(NULL, (size_t)INT_MAX + 1);
	if (kernel)
		CHECK(ioctl(fd, GET_SIZE, NULL) == INT_MIN);
	else
		FAILS(EOVERFLOW, ioctl(fd, GET_SIZE, NULL));
	CHECK(ioctl(fd, SET_SIZE, SIZE_MAX) == 0);
	FAILS(EINVAL, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
#if SIZE_MAX > UINT32_MAX
	CHECK(ioctl(fd, SET_SIZE, (size_t)1 << 60) == 0);
	FAILS(ENOMEM, mmap(NULL, (size_t)1 << 60, PROT_READ, MAP_SHARED, fd, 0));
#endif
	CHECK(ioctl(fd, SET_SIZE, (size_t)100) == 0);
	CHECK(ioctl(fd, GET_SIZE, NULL) == 100);
	close(fd);
}

static void names(void)
{
	char name[NAME_LENGTH], longer[300];
	int fd = region("a/b\nc", PAGE);
	CHECK(ioctl(fd, GET_NAME, name) == 0 && strcmp(name, "a/b\nc") == 0);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	CHECK(ioctl(fd, SET_NAME, longer) == 0);
	CHECK(ioctl(fd, GET_NAME, name) == 0 && strlen(name) == 255);
	CHECK(ioctl(fd, SET_NAME, "") == 0);
	CHECK(ioctl(fd, GET_NAME, name) == 0 && strcmp(name, "dev/ashmem") == 0);
	CHECK(ioctl(fd, SET_NAME, "short") == 0);
	memset(name, '#', sizeof(name));
	CHECK(ioctl(fd, GET_NAME, name) == 0 && memcmp(name, "short\0#", 7) == 0);
	/* a string at the very end of what is mapped */
	char *two = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(two + PAGE, PAGE);
	strcpy(two + PAGE - 4, "end");
	CHECK(ioctl(fd, SET_NAME, two + PAGE - 4) == 0);
	two[PAGE - 1] = '!';
	FAILS(EFAULT, ioctl(fd, SET_NAME, two + PAGE - 4));
	FAILS(EFAULT, ioctl(fd, SET_NAME, NULL));
	FAILS(EFAULT, ioctl(fd, GET_NAME, NULL));
	char *at = map(fd, PAGE, PROT_READ);
	CHECK(ioctl(fd, GET_NAME, name) == 0 && strcmp(name, "end") == 0);
	munmap(at, PAGE);
	munmap(two, PAGE);
	close(fd);
}

/* ---- mapping, reading, seeking: A10 to A15 ---- */

static void fresh_memory_is_zero_and_shared(void)
{
	int fd = region("fresh", PAGE + 1000), dirty = 0;
	char *a = map(fd, 2 * PAGE, RW), *b = map(fd, PAGE, PROT_READ), buffer[16];
	for (int i = 0; i < 2 * PAGE; i++)
		dirty |= a[i];
	CHECK(dirty == 0);
	strcpy(a, "seen");
	CHECK(strcmp(b, "seen") == 0);
	CHECK(read(fd, buffer, 5) == 5 && strcmp(buffer, "seen") == 0);
	CHECK(mmap(NULL, 2 * PAGE + 1, RW, MAP_SHARED, fd, 0) == MAP_FAILED);
	FAILS(EINVAL, mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0));
	munmap(a, 2 * PAGE);
	munmap(b, PAGE);
	CHECK(pread(fd, buffer, 5, 0) == 5 && strcmp(buffer, "seen") == 0);
	close(fd);
}

static void private_mappings_are_their_own(void)
{
	int fd = region("private", PAGE);
	char *private = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	CHECK(private != MAP_FAILED);
	char *shared = map(fd, PAGE, RW);
	strcpy(shared, "shared");
	CHECK(private[0] == 0);
	strcpy(private, "private");
	CHECK(strcmp(shared, "shared") == 0);
	FAILS(EINVAL, ioctl(fd, SET_SIZE, (size_t)PAGE));
	munmap(shared, PAGE);
	munmap(private, PAGE);
	close(fd);
}

static void reading(void)
{
	int fd = region("reading", 5000);
	char *at = map(fd, 5000, RW), buffer[6000];
	for (int i = 0; i < 5000; i++)
		at[i] = (char)(i % 100);
	CHECK(lseek(fd, 0, SEEK_CUR) == 0);
	CHECK(read(fd, buffer, 100) == 100 && buffer[99] == 99);
	CHECK(lseek(fd, 0, SEEK_CUR) == 100);
	CHECK(lseek(fd, -10, SEEK_END) == 4990);
	CHECK(read(fd, buffer, 6000) == 10);
	CHECK(read(fd, buffer, 6000) == 0);
	CHECK(pread(fd, buffer, 6000, 10) == 4990 && buffer[0] == 10);
	CHECK(pread64(fd, buffer, 1, 5000) == 0);
	CHECK(lseek64(fd, 7000, SEEK_SET) == 7000);
	CHECK(read(fd, buffer, 1) == 0);
	FAILS(EINVAL, lseek(fd, -1, SEEK_SET));
	FAILS(EINVAL, lseek(fd, 0, 77));
	int copy = dup(fd);
	CHECK(lseek(copy, 42, SEEK_SET) == 42 && lseek(fd, 0, SEEK_CUR) == 42);
	struct iovec parts[2] = {{buffer, 3000}, {buffer + 3000, 3000}};
	CHECK(readv(copy, parts, 2) == 5000 - 42 && buffer[0] == 42);
	void *volatile nowhere = NULL;
	FAILS(EFAULT, pread(fd, nowhere, 10, 0));
	munmap(at, 5000);
	close(copy);
	close(fd);
}

static void what_the_device_does_not_do(void)
{
	int fd = region("refuse", PAGE);
	struct iovec part = {"x", 1};
	for (int mapped = 0; mapped < 2; mapped++) {
		FAILS(EINVAL, write(fd, "x", 1));
		FAILS(EINVAL, pwrite(fd, "x", 1, 0));
		FAILS(EINVAL, pwrite64(fd, "x", 1, 0));
		FAILS(EINVAL, writev(fd, &part, 1));
		FAILS(EINVAL, ftruncate(fd, 0));
		FAILS(ENODEV, fallocate(fd, 0, 0, 1));
		munmap(map(fd, PAGE, PROT_READ), PAGE);
	}
	FAILS(ENOTTY, ioctl(fd, _IO(0x77, 99), NULL));
	FAILS(ENOTTY, ioctl(fd, TCGETS, NULL));
	close(fd);
}

static void holes(void)
{
	int fd = region("holes", 3 * PAGE);
	char *at = map(fd, 3 * PAGE, RW);
	at[PAGE] = 1;
	CHECK(lseek(fd, 0, SEEK_DATA) == PAGE);
	CHECK(lseek(fd, PAGE, SEEK_HOLE) == 2 * PAGE);
	FAILS(ENXIO, lseek(fd, 2 * PAGE, SEEK_DATA));
	munmap(at, 3 * PAGE);
	close(fd);
}

/* ---- the mask: A16 to A18 ---- */

static void mask(void)
{
	int fd = region("mask", PAGE);
	FAILS(EINVAL, ioctl(fd, SET_MASK, 8ul));
	CHECK(ioctl(fd, SET_MASK, (unsigned long)RW) == 0);
	FAILS(EINVAL, ioctl(fd, SET_MASK, 7ul));
	CHECK(ioctl(fd, GET_MASK, NULL) == RW);
	char *before = map(fd, PAGE, RW);
	CHECK(ioctl(fd, GET_MASK, NULL) == RW);
	CHECK(ioctl(fd, SET_MASK, (unsigned long)PROT_READ) == 0);
	FAILS(EINVAL, ioctl(fd, SET_MASK, (unsigned long)RW));
	FAILS(EINVAL, ioctl(fd, SET_MASK, ULONG_MAX));
	before[0] = 1;
	FAILS(EPERM, mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	FAILS(EPERM, mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
	char *after = map(fd, PAGE, PROT_READ);
	FAILS(EACCES, mprotect(after, PAGE, RW));
	munmap(after, PAGE);
	munmap(before, PAGE);
	close(fd);
}

static void mask_before_the_first_mapping(void)
{
	int fd = region("mask", PAGE);
	CHECK(ioctl(fd, SET_MASK, (unsigned long)PROT_READ) == 0);
	FAILS(EPERM, mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	CHECK(ioctl(fd, SET_SIZE, (size_t)2 * PAGE) == 0);
	char *at = map(fd, 2 * PAGE, PROT_READ);
	FAILS(EACCES, mprotect(at, PAGE, RW));
	munmap(at, 2 * PAGE);
	close(fd);
}

/* ---- pins: A21 to A39 ---- */

static void pins(void)
{
	int fd = region("pins", 4 * PAGE);
	char *at = map(fd, 4 * PAGE, RW);
	memset(at, 'x', 4 * PAGE);
	CHECK(pin_call(fd, STATUS, 0, 0) == 1);
	CHECK(pin_call(fd, PIN, 0, 0) == 0);
	CHECK(pin_call(fd, UNPIN, PAGE, 2 * PAGE) == 0);
	CHECK(pin_call(fd, STATUS, 0, 0) == 0);
	CHECK(pin_call(fd, STATUS, 0, PAGE) == 1);
	CHECK(at[PAGE] == 'x');
	CHECK(ioctl(fd, PURGE_ALL, NULL) == 2);
	CHECK(ioctl(fd, PURGE_ALL, NULL) == 0);
	CHECK(at[PAGE] == 0 && at[2 * PAGE] == 0 && at[0] == 'x' && at[3 * PAGE] == 'x');
	CHECK(pin_call(fd, PIN, 0, PAGE) == 0);
	CHECK(pin_call(fd, PIN, PAGE, PAGE) == 1);
	CHECK(pin_call(fd, PIN, PAGE, PAGE) == 0);
	CHECK(pin_call(fd, PIN, 0, 0) == 1);
	CHECK(pin_call(fd, STATUS, 0, 0) == 1);
	FAILS(EINVAL, pin_call(fd, UNPIN, 1, PAGE));
	FAILS(EINVAL, pin_call(fd, UNPIN, 0, 5000));
	FAILS(EINVAL, pin_call(fd, UNPIN, 0, 5 * PAGE));
	FAILS(EINVAL, pin_call(fd, UNPIN, 4 * PAGE, PAGE));
	if (!kernel) /* which makes a range of no pages of it */
		FAILS(EINVAL, pin_call(fd, UNPIN, 4 * PAGE, 0));
	FAILS(EINVAL, pin_call(fd, UNPIN, 0xfffff000u, PAGE));
	FAILS(EFAULT, ioctl(fd, PIN, NULL));
	FAILS(EFAULT, ioctl(fd, UNPIN, (void *)8));
	munmap(at, 4 * PAGE);
	close(fd);
}

/* ---- what the device looks like: K3 ---- */

static void looks_like_a_device(void)
{
	struct stat device, opened;
	struct statx extended;
	int fd = region("stat", 3 * PAGE);
	CHECK(stat("/dev/ashmem", &device) == 0 && S_ISCHR(device.st_mode));
	CHECK(lstat("/dev/ashmem", &device) == 0 && S_ISCHR(device.st_mode));
	for (int mapped = 0; mapped < 2; mapped++) {
		CHECK(fstat(fd, &opened) == 0 && S_ISCHR(opened.st_mode));
		CHECK(opened.st_rdev == device.st_rdev && opened.st_size == 0);
		CHECK(fstatat(fd, "", &opened, AT_EMPTY_PATH) == 0 && S_ISCHR(opened.st_mode));
		CHECK(statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &extended) == 0);
		CHECK(S_ISCHR(extended.stx_mode) &&
			extended.stx_rdev_major == major(device.st_rdev));
		munmap(map(fd, PAGE, PROT_READ), PAGE);
	}
	CHECK(statx(AT_FDCWD, "/dev/ashmem", 0, STATX_ALL, &extended) == 0);
	CHECK(S_ISCHR(extended.stx_mode) && extended.stx_rdev_minor == minor(device.st_rdev));
	CHECK(fstatat(AT_FDCWD, "/dev/ashmem", &opened, 0) == 0 &&
		opened.st_rdev == device.st_rdev);
	CHECK(access("/dev/ashmem", R_OK | W_OK) == 0);
	CHECK(faccessat(AT_FDCWD, "/dev/ashmem", F_OK, 0) == 0);
	FAILS(EACCES, access("/dev/ashmem", X_OK));
	close(fd);
}

/* ---- descriptors: A42, A44 ---- */

static void duplicates(void)
{
	int fd = region("dup", PAGE), high = fcntl(fd, F_DUPFD, 500);
	CHECK(high >= 500);
	CHECK(ioctl(high, SET_SIZE, (size_t)2 * PAGE) == 0);
	CHECK(ioctl(fd, GET_SIZE, NULL) == 2 * PAGE);
	char *at = map(high, 2 * PAGE, RW);
	FAILS(EINVAL, ioctl(fd, SET_SIZE, (size_t)PAGE));
	CHECK(pin_call(fd, UNPIN, 0, 0) == 0);
	CHECK(pin_call(high, STATUS, 0, 0) == 0);
	close(fd);
	CHECK(pin_call(high, PIN, 0, 0) == 0);
	munmap(at, 2 * PAGE);
	close(high);
}

/* A number that was another file's, and one that will be. */
static void numbers_are_used_again(void)
{
	char buffer[4];
	int ends[2];
	CHECK(pipe(ends) == 0);
	CHECK(write(ends[1], "pipe", 4) == 4 && read(ends[0], buffer, 4) == 4);
	int fd = region("numbers", PAGE);
	munmap(map(fd, PAGE, RW), PAGE);
	CHECK(dup2(fd, ends[1]) == ends[1]);
	FAILS(EINVAL, write(ends[1], "x", 1));
	CHECK(ioctl(ends[1], GET_SIZE, NULL) == PAGE);
	CHECK(dup3(fd, ends[0], O_CLOEXEC) == ends[0]);
	CHECK(read(ends[0], buffer, 4) == 4);
	int zero = open("/dev/zero", O_RDWR);
	CHECK(write(zero, "x", 1) == 1);
	CHECK(dup2(zero, fd) == fd);
	CHECK(write(fd, "x", 1) == 1);
	FAILS(ENOTTY, ioctl(fd, GET_SIZE, NULL));
	CHECK(close(zero) == 0);
	int again = open("/dev/ashmem", O_RDWR);
	CHECK(again == zero);
	FAILS(EINVAL, write(again, "x", 1));
	close(again);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

static void other_files_are_left_alone(void)
{
	char path[] = "/tmp/ashmem-preload-XXXXXX", buffer[8] = "";
	struct stat st;
	int fd = mkstemp(path);
	CHECK(fd >= 0 && unlink(path) == 0);
	CHECK(write(fd, "content", 8) == 8 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK(read(fd, buffer, 8) == 8 && strcmp(buffer, "content") == 0);
	char *at = mmap(NULL, 8, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(at != MAP_FAILED && strcmp(at, "content") == 0);
	CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 8);
	CHECK(ftruncate(fd, 4) == 0 && lseek(fd, 0, SEEK_END) == 4);
	FAILS(ENOTTY, ioctl(fd, GET_SIZE, NULL));
	munmap(at, 8);
	close(fd);
	int plain = memfd_create("plain", MFD_ALLOW_SEALING);
	CHECK(write(plain, "content", 8) == 8 && pread(plain, buffer, 8, 0) == 8);
	CHECK(ftruncate(plain, 2 * PAGE) == 0);
	FAILS(ENOTTY, ioctl(plain, GET_SIZE, NULL));
	close(plain);
	FAILS(EBADF, read(-1, buffer, 1));
	FAILS(EBADF, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, -1, 0));
}

int main(int argc, char *argv[])
{
	struct stat st;
	kernel = argc > 1 && strcmp(argv[1], "kernel") == 0;
	if (stat("/dev/ashmem", &st) < 0 || !S_ISCHR(st.st_mode)) {
		fprintf(stderr, "there is no /dev/ashmem\n");
		return 1;
	}
	new_region();
	ways_to_open();
	size_until_the_first_mapping();
	sizes_that_do_not_fit();
	names();
	fresh_memory_is_zero_and_shared();
	private_mappings_are_their_own();
	reading();
	what_the_device_does_not_do();
	holes();
	mask();
	mask_before_the_first_mapping();
	pins();
	looks_like_a_device();
	duplicates();
	numbers_are_used_again();
	other_files_are_left_alone();
	printf("%d not as the device does it\n", failures);
	return failures != 0;
}
