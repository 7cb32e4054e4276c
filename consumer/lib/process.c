/* The page that tells a forked child from its parent, without a system call and without
 * pthread_atfork. */
#include "process.h"

#include "common/util.h"

#include <sys/mman.h>

_Atomic(_Atomic uint64_t *) process_page;

/* Ordinary memory, which a child inherits: that is why its mark differs from its parent's. */
static _Atomic uint64_t marks_given;

static int make_page(void)
{
	void *memory = mmap(
		NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	if (madvise(memory, page_bytes(), MADV_WIPEONFORK) < 0) {
		int r = -errno;
		munmap(memory, page_bytes());
		return r;
	}
	_Atomic uint64_t *expected = NULL;
	if (!atomic_compare_exchange_strong(&process_page, &expected, (_Atomic uint64_t *)memory))
		munmap(memory, page_bytes()); /* another thread was first */
	return 0;
}

int process_mark(uint64_t *ret_mark)
{
	if (!atomic_load(&process_page)) {
		int r = make_page();
		if (r < 0)
			return r;
	}
	_Atomic uint64_t *mark = atomic_load(&process_page);
	uint64_t current = atomic_load(mark);
	if (current == 0) {
		uint64_t fresh = atomic_fetch_add(&marks_given, 1) + 1;
		if (atomic_compare_exchange_strong(mark, &current, fresh))
			current = fresh;
	}
	*ret_mark = current;
	return 0;
}
