/* A1 to A9: creation, size, name, and what is not a region. */
#include "conform.h"

#include <android/sharedmem.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void a1(void)
{
	char name[ASHMEM_NAME_LEN];
	int fd = ashmem_create_region(NULL, PAGE);
	check(ashmem_get_prot_region(fd) == (RW | PROT_EXEC),
		"a new region's mask is read, write, execute");
	check(ashmem_get_name_region(fd, name) == 0 && strcmp(name, ASHMEM_NAME_DEF) == 0,
		"without a name it answers dev/ashmem");
	close(fd);
}

static void a2(void)
{
	char byte;
	int fd = ashmem_create_region("empty", 0);
	check(fd >= 0 && ashmem_get_size_region(fd) == 0, "a region of size 0 can be made");
	check(map_fails(ashmem_mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), EINVAL),
		"size 0: mmap EINVAL");
	check(map_fails(ashmem_mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), EINVAL),
		"size 0: private mmap EINVAL");
	check(ashmem_read(fd, &byte, 1) == 0, "size 0: read gives 0");
	check(fails(ashmem_lseek(fd, 0, SEEK_SET), EINVAL), "size 0: lseek EINVAL");
	check(fails(ashmem_pin_region(fd, 0, 0), EINVAL) &&
			fails(ashmem_unpin_region(fd, 0, 0), EINVAL) &&
			fails(ashmem_get_pin_status_region(fd, 0, 0), EINVAL),
		"size 0: pin, unpin, status EINVAL");
	close(fd);
}

static void a3(void)
{
	int fd = ashmem_create_region("odd", 5000);
	check(ashmem_get_size_region(fd) == 5000 && ashmem_get_size_region64(fd) == 5000,
		"the size is what was asked for, not whole pages");
	check(ASharedMemory_getSize(fd) == 5000, "ASharedMemory_getSize gives it too");
	close(fd);
	check(fails(ASharedMemory_create("none", 0), EINVAL),
		"ASharedMemory_create refuses size 0");
	check(ASharedMemory_getSize(-1) == 0, "ASharedMemory_getSize of no region is 0");
}

static void a4(void)
{
	char byte = 1;
	int fd = ashmem_create_region("unmapped", PAGE);
	bool pinned = ashmem_pin_region(fd, 0, 0) == ASHMEM_NOT_PURGED &&
		      ashmem_unpin_region(fd, 0, 0) == 0;
	differs(on_memfd() ? pinned : !pinned, "never mapped: pin and unpin work",
		"never mapped: pin and unpin EINVAL");
	bool read = ashmem_read(fd, &byte, 1) == 1 && byte == 0;
	differs(on_memfd() ? read : !read, "never mapped: reads zero", "never mapped: read EBADF");
	bool sought = ashmem_lseek(fd, 0, SEEK_SET) == 0;
	differs(on_memfd() ? sought : !sought, "never mapped: lseek works",
		"never mapped: lseek EBADF");
	close(fd);
}

static void a5(void)
{
	char name[ASHMEM_NAME_LEN];
	int fd = ashmem_create_region("first", PAGE);
	check(ashmem_set_name_region(fd, "second") == 0 && ashmem_get_name_region(fd, name) == 0 &&
			strcmp(name, "second") == 0,
		"the name can be changed before the first mapping");
	check(ashmem_mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0) == MAP_FAILED &&
			ashmem_set_name_region(fd, "third") == 0,
		"a mapping that fails fixes nothing");
	void *at = ashmem_mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	check(fails(ashmem_set_name_region(fd, "fourth"), EINVAL) &&
			fails(ashmem_set_name_region(fd, "third"), EINVAL),
		"once mapped the name stays, also against itself");
	ashmem_munmap(at, PAGE);
	check(fails(ashmem_set_name_region(fd, "fifth"), EINVAL), "also after the last munmap");
	close(fd);
	fd = ashmem_create_region("private", PAGE);
	at = ashmem_mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	check(at != MAP_FAILED && fails(ashmem_set_name_region(fd, "other"), EINVAL),
		"a private mapping fixes it too");
	ashmem_munmap(at, PAGE);
	close(fd);
}

/* As a program does that knows only the device. */
static int open_of_size(size_t size)
{
	int fd = open("/dev/ashmem", O_RDWR | O_CLOEXEC);
	return ioctl(fd, _IOW(0x77, 3, size_t), size) == 0 ? fd : -1;
}

static void a6(void)
{
	const size_t large = SIZE_MAX > UINT32_MAX ? (size_t)(UINT64_C(5) << 30) : (size_t)3 << 30;
	const size_t behind = large - ((size_t)1 << 30);
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "large", large);
	check(fails(ashmem_get_size_region(fd), EOVERFLOW),
		"a size over INT_MAX is EOVERFLOW, not a negative number");
	check(ashmem_get_size_region64(fd) == (int64_t)large, "the 64-bit call tells it");
	check(ashmem_unpin_region(fd, behind, PAGE) == 0 &&
			ashmem_get_pin_status_region(fd, 0, PAGE) == 1 &&
			ashmem_get_pin_status_region(fd, behind, PAGE) == 0,
		"an offset of gibibytes is not offset 0");
	close(fd);
#if SIZE_MAX > UINT32_MAX
	check(fails(ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "huge", SIZE_MAX), EFBIG) &&
			fails(ashmem_create_region("huge", SIZE_MAX), EFBIG) &&
			fails(ASharedMemory_create("huge", SIZE_MAX), EFBIG),
		"what can not be counted is refused, not wrapped");
#endif
	if (on_memfd())
		return;
	fd = ashmem_create_region_on(ASHMEM_DRIVER_AUTO, "large", (size_t)INT_MAX + 1);
	check(fails(ashmem_create_region_on(ASHMEM_DRIVER_DEVICE, "large", (size_t)INT_MAX + 1),
		      EFBIG) &&
			ashmem_get_size_region64(fd) == (int64_t)INT_MAX + 1,
		"what the device would wrap is refused, or a memfd");
	close(fd);
	fd = open_of_size((size_t)INT_MAX + 1);
	check(fails(ashmem_get_size_region(fd), EOVERFLOW) &&
			fails(ashmem_get_size_region64(fd), EOVERFLOW),
		"what others have let it wrap is EOVERFLOW");
	close(fd);
}

static int make_as_nobody(const struct space *space)
{
	(void)space;
	if (setuid(65534) < 0)
		return 2;
	if (!fails(ashmem_create_region_on(ASHMEM_DRIVER_DEVICE, NULL, PAGE), EACCES))
		return 1;
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_AUTO, NULL, PAGE);
	return fcntl(fd, F_GET_SEALS) > 0 ? 0 : 1;
}

static void a7(void)
{
	int fd = ashmem_create_region(NULL, PAGE), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int plain = memfd_create("plain", MFD_CLOEXEC);
	check(fcntl(fd, F_GETFD) & FD_CLOEXEC, "the descriptor is close-on-exec");
	check(ashmem_valid(fd) == 1, "valid: true for a region");
	check(!ashmem_valid(null) && !ashmem_valid(plain),
		"valid: false for another device and for a plain memfd");
	close(fd);
	check(!ashmem_valid(fd) && !ashmem_valid(-1), "valid: false for what is closed");
	int foreign[] = {null, plain};
	for (int i = 0; i < 2; i++) {
		char name[ASHMEM_NAME_LEN];
		check(fails(ashmem_get_size_region(foreign[i]), ENOTTY) &&
				fails(ashmem_set_prot_region(foreign[i], PROT_READ), ENOTTY) &&
				fails(ashmem_get_prot_region(foreign[i]), ENOTTY) &&
				fails(ashmem_get_name_region(foreign[i], name), ENOTTY) &&
				fails(ashmem_set_name_region(foreign[i], "x"), ENOTTY),
			"foreign descriptor: attributes ENOTTY");
		check(fails(ashmem_pin_region(foreign[i], 0, 0), ENOTTY) &&
				fails(ashmem_unpin_region(foreign[i], 0, 0), ENOTTY) &&
				fails(ashmem_get_pin_status_region(foreign[i], 0, 0), ENOTTY) &&
				fails(ashmem_purge_all_caches(foreign[i]), ENOTTY) &&
				fails(ashmem_share_readonly(foreign[i]), ENOTTY),
			"foreign descriptor: pins ENOTTY");
		check(fails(ashmem_read(foreign[i], name, 1), ENOTTY) &&
				fails(ashmem_pread(foreign[i], name, 1, 0), ENOTTY) &&
				fails(ashmem_lseek(foreign[i], 0, SEEK_SET), ENOTTY) &&
				map_fails(ashmem_mmap(
						  NULL, PAGE, PROT_READ, MAP_SHARED, foreign[i], 0),
					ENOTTY),
			"foreign descriptor: mapping and reading ENOTTY");
	}
	check(fails(ashmem_get_size_region(fd), EBADF) &&
			fails(ashmem_set_prot_region(fd, PROT_READ), EBADF) &&
			fails(ashmem_pin_region(fd, 0, 0), EBADF) &&
			fails(ashmem_unpin_region(fd, 0, 0), EBADF) &&
			fails(ashmem_read(fd, &null, 1), EBADF) &&
			fails(ashmem_share_readonly(fd), EBADF),
		"closed descriptor: EBADF");
	close(null);
	close(plain);
	check(fails(ashmem_create_region_on((enum ashmem_driver)9, NULL, PAGE), EINVAL),
		"no such driver: EINVAL");
	if (on_memfd() && access("/dev/ashmem", F_OK) < 0)
		check(fails(ashmem_create_region_on(ASHMEM_DRIVER_DEVICE, NULL, PAGE), ENOTSUP),
			"a machine without the device: ENOTSUP");
	if (!on_memfd() && geteuid() == 0)
		check(in_child(make_as_nobody, NULL) == 0,
			"who may not open the device: EACCES, or a memfd");
}

static void a8(void)
{
	char name[ASHMEM_NAME_LEN], long_name[301];
	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	int fd = ashmem_create_region(long_name, PAGE);
	check(fd >= 0 && ashmem_get_name_region(fd, name) == 0 && strlen(name) == 255 &&
			strncmp(name, long_name, 255) == 0,
		"255 bytes of a long name are kept");
	check(ashmem_set_name_region(fd, "a/b\n\x01\xff") == 0 &&
			ashmem_get_name_region(fd, name) == 0 && strcmp(name, "a/b\n\x01\xff") == 0,
		"any bytes may stand in it");
	memset(name, 'x', sizeof(name));
	check(ashmem_set_name_region(fd, "ab") == 0 && ashmem_get_name_region(fd, name) == 0 &&
			name[3] == 'x',
		"only the name and its end are written");
	check(ashmem_set_name_region(fd, "") == 0 && ashmem_get_name_region(fd, name) == 0 &&
			strcmp(name, ASHMEM_NAME_DEF) == 0,
		"an empty name is none");
	check(fails(ashmem_set_name_region(fd, NULL), EFAULT) &&
			fails(ashmem_get_name_region(fd, NULL), EFAULT),
		"NULL: EFAULT both ways");
	close(fd);
}

static bool maps_show(const char *text)
{
	char line[600];
	bool shown = false;
	FILE *maps = fopen("/proc/self/maps", "re");
	while (maps && fgets(line, sizeof(line), maps))
		shown |= strstr(line, text) != NULL;
	if (maps)
		fclose(maps);
	return shown;
}

static void a9(void)
{
	int fd = ashmem_create_region("shown", PAGE), other = ashmem_create_region("shown", PAGE);
	char *at = ashmem_mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	char *also = ashmem_mmap(NULL, PAGE, RW, MAP_SHARED, other, 0);
	differs(maps_show(on_memfd() ? "/memfd:shown (deleted)" : "/dev/ashmem/shown (deleted)"),
		"/proc/PID/maps shows memfd:NAME", "/proc/PID/maps shows /dev/ashmem/NAME");
	at[0] = 1;
	check(also[0] == 0 && ashmem_unpin_region(fd, 0, 0) == 0 &&
			ashmem_get_pin_status_region(other, 0, 0) == ASHMEM_IS_PINNED,
		"regions of one name are independent");
	ashmem_munmap(at, PAGE);
	ashmem_munmap(also, PAGE);
	close(fd);
	close(other);
}

static void k3(void)
{
	struct stat st;
	int fd = ashmem_create_region("stat", PAGE);
	fstat(fd, &st);
	differs(on_memfd() ? S_ISREG(st.st_mode) : S_ISCHR(st.st_mode) && st.st_size == 0,
		"fstat: a regular file, longer than the region",
		"fstat: a character device of size 0");
	close(fd);
}

const struct clause life_clauses[] = {
	{"A1", a1},
	{"A2", a2},
	{"A3", a3},
	{"A4", a4},
	{"A5", a5},
	{"A6", a6},
	{"A7", a7},
	{"A8", a8},
	{"A9", a9},
	{"K3", k3},
	{0},
};
