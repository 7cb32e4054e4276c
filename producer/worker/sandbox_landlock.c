/* Landlock: no path, no port, no signal. It is the second wall: seccomp alone already has no call
 * that takes a path. */
#include "sandbox_parts.h"

#include "common/util.h"

#include <stdint.h>
#include <sys/syscall.h>

/* Of our own, because the headers that a distribution ships are older than the kernels it may run
 * on. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

#define CREATE_RULESET_VERSION (1u << 0)

struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* since version 4 */
	uint64_t scoped;             /* since version 6 */
};

/* What the first version handles is 13 rights; each later one that touches files added a bit. */
#define FS_VERSION_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)     /* version 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* version 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */
#define NET_TCP (UINT64_C(3))            /* version 4: bind, connect */
#define SCOPED (UINT64_C(3))             /* version 6: abstract sockets, signals */

int landlock_version(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_RULESET_VERSION);
	return version > 0 ? (int)version : 0;
}

static struct ruleset everything_known_to(int version)
{
	struct ruleset ruleset = {.handled_access_fs = FS_VERSION_1};
	if (version >= 2)
		ruleset.handled_access_fs |= FS_REFER;
	if (version >= 3)
		ruleset.handled_access_fs |= FS_TRUNCATE;
	if (version >= 4)
		ruleset.handled_access_net = NET_TCP;
	if (version >= 5)
		ruleset.handled_access_fs |= FS_IOCTL_DEV;
	if (version >= 6)
		ruleset.scoped = SCOPED;
	return ruleset;
}

int landlock_restrict(void)
{
	int version = landlock_version();
	if (version == 0)
		return 0;
	struct ruleset ruleset = everything_known_to(version);
	/* An older kernel takes the longer struct as long as what it does not know is zero. */
	CLEANUP(close_p)
	int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0u);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_landlock_restrict_self, fd, 0u) < 0)
		return -errno;
	return 0;
}
