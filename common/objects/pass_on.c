/* Which descriptor of a region others are given. */
#include "common/pass_on.h"

#include "common/util.h"

#include <ashmem/ashmem.h>

int pass_on_readonly(int fd)
{
	int readonly = ashmem_share_readonly(fd);
	if (readonly >= 0)
		return readonly;
	return errno == EACCES || errno == EPERM ? dup_cloexec(fd) : -errno;
}
