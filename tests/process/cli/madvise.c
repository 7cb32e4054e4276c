/* Preloaded: a kernel that answers MADV_COLLAPSE with the error in $COLLAPSE_ERRNO, and everything
 * else as it does. */
#include "common/populate.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) int madvise(void *from, size_t length, int advice)
{
	const char *error = getenv("COLLAPSE_ERRNO");
	if (advice == MADV_COLLAPSE && error) {
		errno = atoi(error);
		return -1;
	}
	return (int)syscall(SYS_madvise, from, length, advice);
}
