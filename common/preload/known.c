/* Which descriptors are ours.
 *
 * The file itself tells, but asking costs system calls, and read and write are called for
 * everything. So the answer "foreign" is remembered for a number until something can have put
 * another file there. That a number is ours is never relied on: it is asked each time. */
#include "preload/preload.h"

#include "common/ashmem/device_abi.h"
#include "common/util.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { NUMBERS = 65536 }; /* above, every call asks */

static _Atomic bool foreign[NUMBERS];
/* volatile: libc declares stat and others as leaf functions, which do not come back into this file;
 * the compiler may leave out a count that is set for them alone. */
static _Thread_local volatile int inside __attribute__((tls_model("initial-exec")));

void *preload_real(void **known, const char *name)
{
	void *at = __atomic_load_n(known, __ATOMIC_RELAXED);
	if (!at) {
		at = dlsym(RTLD_NEXT, name);
		__atomic_store_n(known, at, __ATOMIC_RELAXED);
	}
	return at;
}

void preload_enter(void)
{
	inside = inside + 1;
}

void preload_leave(void)
{
	inside = inside - 1;
}

bool preload_is_inside(void)
{
	return inside > 0;
}

enum file_kind preload_kind(int fd)
{
	if (inside || fd < 0 || (fd < NUMBERS && foreign[fd]))
		return FILE_FOREIGN;
	int error = errno;
	preload_enter();
	enum file_kind kind = draft_classify(fd);
	/* A number that is closed may become anything without being forgotten. */
	if (kind == FILE_FOREIGN && fd < NUMBERS && fcntl(fd, F_GETFD) >= 0)
		foreign[fd] = true;
	preload_leave();
	errno = error;
	return kind;
}

void preload_forget(int fd)
{
	if (fd >= 0 && fd < NUMBERS)
		foreign[fd] = false;
}

void preload_forget_range(unsigned first, unsigned last)
{
	for (unsigned fd = first; fd <= last && fd < NUMBERS; fd++)
		foreign[fd] = false;
}

/* --- The device --- */

static bool emulated(void)
{
	struct stat st;
	const char *driver = secure_getenv("ASHMEM_DRIVER");
	if (driver && strcmp(driver, "memfd") == 0)
		return true;
	if (driver && strcmp(driver, "device") == 0)
		return false;
	int error = errno;
	preload_enter();
	bool there = stat(ASHMEM_DEVICE_PATH, &st) == 0 && S_ISCHR(st.st_mode);
	preload_leave();
	errno = error;
	return !there;
}

bool preload_is_device(const char *path)
{
	enum { BOOT_ID = 36 }; /* newer Android appends one to the device's name */
	size_t length = sizeof(ASHMEM_DEVICE_PATH) - 1;
	if (inside || !path || strncmp(path, ASHMEM_DEVICE_PATH, length) != 0)
		return false;
	path += length;
	if (*path && (strnlen(path, BOOT_ID + 1) != BOOT_ID || strchr(path, '/')))
		return false;
	return emulated();
}

dev_t preload_device_number(void)
{
	return makedev(
		10, 255); /* a misc device; 255 is where the kernel takes no fixed number from */
}

long preload_answer(long r)
{
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}
