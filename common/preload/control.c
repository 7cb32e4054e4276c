/* ioctl on an ashmem descriptor. */
#include "preload/calls.h"

#include "common/ashmem/device_abi.h"
#include "common/ashmem/driver.h"
#include "common/util.h"

#include <ashmem/ashmem.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* --- The caller's memory, which may not be there (EFAULT) --- */

/* Where the kernel does not let us look like this we trust the pointer. */
static bool can_not_look(void)
{
	return errno == ENOSYS || errno == EPERM;
}

static int copy_in(void *to, const void *from, size_t size)
{
	struct iovec local = {to, size}, remote = {(void *)(uintptr_t)from, size};
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	if (n < 0 && can_not_look()) {
		memcpy(to, from, size);
		return 0;
	}
	return n == (ssize_t)size ? 0 : -EFAULT;
}

static int copy_out(void *to, const void *from, size_t size)
{
	struct iovec local = {(void *)(uintptr_t)from, size}, remote = {to, size};
	ssize_t n = process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
	if (n < 0 && can_not_look()) {
		memcpy(to, from, size);
		return 0;
	}
	return n == (ssize_t)size ? 0 : -EFAULT;
}

/* A string, cut to what is kept of a name; behind its end nothing need be there. */
static int copy_name_in(char to[ASHMEM_NAME_LEN], const char *from)
{
	size_t page = page_bytes(), got = 0;
	while (got < ASHMEM_NAME_LEN - 1) {
		size_t want = page - ((uintptr_t)from + got) % page;
		if (want > ASHMEM_NAME_LEN - 1 - got)
			want = ASHMEM_NAME_LEN - 1 - got;
		if (copy_in(to + got, from + got, want) < 0)
			return -EFAULT;
		if (memchr(to + got, '\0', want))
			return 0;
		got += want;
	}
	to[got] = '\0';
	return 0;
}

/* --- Attributes --- */

static int change_name(struct draft *draft, const void *name)
{
	strcpy(draft->name, name);
	return 0;
}

static long set_name(int fd, enum file_kind kind, const char *from)
{
	char name[ASHMEM_NAME_LEN];
	int r = copy_name_in(name, from);
	if (r < 0)
		return r;
	return kind == FILE_DRAFT ? draft_change(fd, change_name, name) : -EINVAL;
}

static long get_name(int fd, enum file_kind kind, char *to)
{
	struct draft draft;
	char name[ASHMEM_NAME_LEN];
	int r = 0;
	if (kind == FILE_DRAFT) {
		r = draft_read(fd, &draft);
		if (r == 0)
			strcpy(name, draft.name[0] ? draft.name : ASHMEM_NAME_DEF);
	} else if (ashmem_get_name_region(fd, name) < 0) {
		r = -errno;
	}
	return r < 0 ? r : copy_out(to, name, strlen(name) + 1);
}

static int change_size(struct draft *draft, const void *size)
{
	draft->size = *(const size_t *)size;
	return 0;
}

static long set_size(int fd, enum file_kind kind, size_t size)
{
	return kind == FILE_DRAFT ? draft_change(fd, change_size, &size) : -EINVAL;
}

/* The device cuts it to an int. */
static long get_size(int fd, enum file_kind kind)
{
	struct draft draft;
	if (kind == FILE_REGION) {
		int size = ashmem_get_size_region(fd);
		return size < 0 ? -errno : size;
	}
	int r = draft_read(fd, &draft);
	if (r < 0)
		return r;
	return draft.size > INT_MAX ? -EOVERFLOW : (long)draft.size;
}

static int change_mask(struct draft *draft, const void *mask)
{
	unsigned long wanted = *(const unsigned long *)mask;
	if (wanted & ~(unsigned long)draft->mask)
		return -EINVAL;
	draft->mask = (uint32_t)wanted;
	return 0;
}

static long set_mask(int fd, enum file_kind kind, unsigned long mask)
{
	if (kind == FILE_DRAFT)
		return draft_change(fd, change_mask, &mask);
	if (mask > INT_MAX)
		return -EINVAL;
	return ashmem_set_prot_region(fd, (int)mask) < 0 ? -errno : 0;
}

static long get_mask(int fd, enum file_kind kind)
{
	struct draft draft;
	if (kind == FILE_REGION) {
		int mask = ashmem_get_prot_region(fd);
		return mask < 0 ? -errno : mask;
	}
	int r = draft_read(fd, &draft);
	return r < 0 ? r : (long)draft.mask;
}

/* --- Pins --- */

static long range(int fd, enum file_kind kind, int (*call)(int, size_t, size_t), const void *from)
{
	struct ashmem_pin pin;
	int r = copy_in(&pin, from, sizeof(pin));
	if (r < 0)
		return r;
	if (kind == FILE_DRAFT)
		return -EINVAL;
	r = call(fd, pin.offset, pin.len);
	return r < 0 ? -errno : r;
}

/* --- The call --- */

static long control(int fd, enum file_kind kind, unsigned long request, void *argument)
{
	switch (request) {
	case ASHMEM_SET_NAME:
		return set_name(fd, kind, argument);
	case ASHMEM_GET_NAME:
		return get_name(fd, kind, argument);
	case ASHMEM_SET_SIZE:
		return set_size(fd, kind, (size_t)argument);
	case ASHMEM_GET_SIZE:
		return get_size(fd, kind);
	case ASHMEM_SET_PROT_MASK:
		return set_mask(fd, kind, (unsigned long)argument);
	case ASHMEM_GET_PROT_MASK:
		return get_mask(fd, kind);
	case ASHMEM_PIN:
		return range(fd, kind, ashmem_pin_region, argument);
	case ASHMEM_UNPIN:
		return range(fd, kind, ashmem_unpin_region, argument);
	case ASHMEM_GET_PIN_STATUS:
		return range(fd, kind, ashmem_get_pin_status_region, argument);
	case ASHMEM_PURGE_ALL_CACHES:
		return ashmem_purge_held();
	}
	return -ENOTTY;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	va_start(list, request);
	void *argument = va_arg(list, void *);
	va_end(list);
	enum file_kind kind = _IOC_TYPE(request) == ASHMEM_MAGIC ? preload_kind(fd) : FILE_FOREIGN;
	if (kind == FILE_FOREIGN)
		return REAL(ioctl)(fd, request, argument);
	preload_enter();
	long r = control(fd, kind, request, argument);
	/* Mapped for the first time by somebody else just now. */
	if (r == -ENOTTY && kind == FILE_DRAFT && draft_classify(fd) == FILE_REGION)
		r = control(fd, FILE_REGION, request, argument);
	preload_leave();
	return (int)preload_answer(r);
}
