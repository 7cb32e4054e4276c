#include "local.h"

#include "common/util.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

static const uint32_t local_types[] = {
	EXT4_SUPER_MAGIC, /* and ext2, ext3 */
	XFS_SUPER_MAGIC,
	BTRFS_SUPER_MAGIC,
	F2FS_SUPER_MAGIC,
	TMPFS_MAGIC,
	RAMFS_MAGIC,
	MSDOS_SUPER_MAGIC,
	EXFAT_SUPER_MAGIC,
	ISOFS_SUPER_MAGIC,
	SQUASHFS_MAGIC,
	EROFS_SUPER_MAGIC_V1,
};

/* Its place, or LOCAL_DEVICES. */
static unsigned find(const struct local_devices *devices, dev_t device)
{
	for (unsigned i = 0; i < LOCAL_DEVICES; i++)
		if (devices->known[i].local != LOCAL_UNKNOWN && devices->known[i].device == device)
			return i;
	return LOCAL_DEVICES;
}

void local_look(const struct local_devices *devices, int fd, struct local_file *ret)
{
	ret->local = LOCAL_NO;
	ret->device = 0;
	ret->has_name = false;
	/* With DONT_SYNC a server, or a daemon, is not asked: what the kernel has will do. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &ret->facts) < 0)
		return;
	ret->device = makedev(ret->facts.stx_dev_major, ret->facts.stx_dev_minor);
	ret->has_name = ret->facts.stx_nlink > 0;
	unsigned i = find(devices, ret->device);
	ret->local = i < LOCAL_DEVICES ? devices->known[i].local : LOCAL_UNKNOWN;
}

enum local local_ask(int fd)
{
	struct statfs system;
	if (fstatfs(fd, &system) < 0)
		return LOCAL_NO;
	for (size_t i = 0; i < ARRAY_SIZE(local_types); i++)
		if ((uint32_t)system.f_type == local_types[i])
			return LOCAL_YES;
	return LOCAL_NO;
}

void local_learn(struct local_devices *devices, dev_t device, enum local local)
{
	unsigned i = find(devices, device); /* several may have been asked at once */
	if (i == LOCAL_DEVICES)
		i = devices->next++ % LOCAL_DEVICES;
	devices->known[i].device = device;
	devices->known[i].local = local;
}
