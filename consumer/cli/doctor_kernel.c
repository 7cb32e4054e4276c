/* What the kernel offers: shared memory, the driver, and what shuts decoders in. */
#include "doctor.h"

#include "common/util.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#define LANDLOCK_VERSION                                                                           \
	(1u << 0) /* LANDLOCK_CREATE_RULESET_VERSION; older headers have no linux/landlock.h */

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

/* Does what the producer does for a region: create, size, map, punch. */
static int try_memfd(void)
{
	size_t size = 2 * 4096;
	CLEANUP(close_p)
	int fd = memfd_create("mural doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("mural doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return -errno;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	memset(memory, 1, size);
	munmap(memory, size);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0 ? -errno : 0;
}

void check_memfd(const struct doctor *doctor, struct finding *finding)
{
	(void)doctor;
	int r = try_memfd();
	if (r == 0) {
		finding_set(finding, FINDING_OK, "memfd: made, sealed, and its pages given back");
		return;
	}
	finding_set(finding, FINDING_PROBLEM, "memfd does not work here: %s", strerror(-r));
	finding_advise(finding, "the container or its system call filter refuses memfd_create or "
				"fallocate: allow both");
}

void check_ashmem(const struct doctor *doctor, struct finding *finding)
{
	(void)doctor;
	if (access("/dev/ashmem", F_OK) < 0) {
		finding_set(finding, FINDING_OK,
			"no /dev/ashmem (kernels from 5.18 on have none): regions are memfds");
		return;
	}
	CLEANUP(close_p) int fd = open("/dev/ashmem", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		finding_set(finding, FINDING_OK,
			"/dev/ashmem is there; mural-producer uses it, unless --driver memfd is "
			"given");
		return;
	}
	finding_set(finding, FINDING_NOTE,
		"/dev/ashmem is there, but cannot be opened: %s; regions are memfds",
		strerror(errno));
	finding_advise(finding, "to use it: chmod 0666 /dev/ashmem, or a udev rule that does");
}

void check_seccomp(const struct doctor *doctor, struct finding *finding)
{
	(void)doctor;
	uint32_t action = SECCOMP_RET_KILL_PROCESS;
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0) {
		finding_set(finding, FINDING_OK, "decoders are shut in by seccomp");
		return;
	}
	finding_set(finding, FINDING_PROBLEM,
		"no seccomp: %s; decoders cannot be shut in, so nothing is decoded",
		strerror(errno));
	finding_advise(finding, "use a kernel with CONFIG_SECCOMP_FILTER, or a container that "
				"allows the seccomp call");
}

void check_landlock(const struct doctor *doctor, struct finding *finding)
{
	(void)doctor;
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
	if (version > 0) {
		finding_set(finding, FINDING_OK,
			"Landlock ABI %ld keeps decoders from the file system, besides seccomp",
			version);
		return;
	}
	bool off = errno == EOPNOTSUPP;
	finding_set(finding, FINDING_NOTE, "Landlock is %s: seccomp alone shuts decoders in",
		off ? "not switched on" : "not in this kernel");
	if (off)
		finding_advise(finding, "add landlock to the kernel's lsm= parameter (see "
					"/sys/kernel/security/lsm)");
	else
		finding_advise(finding, "kernels from 5.13 on have it");
}

void check_noexec(const struct doctor *doctor, struct finding *finding)
{
	char value[32];
	(void)doctor;
	if (!read_line("/proc/sys/vm/memfd_noexec", value, sizeof(value)))
		finding_set(
			finding, FINDING_OK, "no vm.memfd_noexec here (it came with kernel 6.3)");
	else
		finding_set(finding, FINDING_OK,
			"vm.memfd_noexec is %s; regions are made not executable, so any value is "
			"fine",
			value);
}
