/* common/ashmem/device_abi.h - how one talks to the kernel's /dev/ashmem.
 *
 * linux/ashmem.h went away with the driver; the numbers are the kernel's interface. Set size and set
 * mask take the value itself, the others a pointer. */
#ifndef COMMON_ASHMEM_DEVICE_ABI_H
#define COMMON_ASHMEM_DEVICE_ABI_H

#include <cutils/ashmem.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define ASHMEM_DEVICE_PATH "/dev/ashmem"

struct ashmem_pin {
	uint32_t offset, len;
};

#define ASHMEM_MAGIC 0x77
#define ASHMEM_SET_NAME _IOW(ASHMEM_MAGIC, 1, char[ASHMEM_NAME_LEN])
#define ASHMEM_GET_NAME _IOR(ASHMEM_MAGIC, 2, char[ASHMEM_NAME_LEN])
#define ASHMEM_SET_SIZE _IOW(ASHMEM_MAGIC, 3, size_t)
#define ASHMEM_GET_SIZE _IO(ASHMEM_MAGIC, 4)
#define ASHMEM_SET_PROT_MASK _IOW(ASHMEM_MAGIC, 5, unsigned long)
#define ASHMEM_GET_PROT_MASK _IO(ASHMEM_MAGIC, 6)
#define ASHMEM_PIN _IOW(ASHMEM_MAGIC, 7, struct ashmem_pin)
#define ASHMEM_UNPIN _IOW(ASHMEM_MAGIC, 8, struct ashmem_pin)
#define ASHMEM_GET_PIN_STATUS _IO(ASHMEM_MAGIC, 9)
#define ASHMEM_PURGE_ALL_CACHES _IO(ASHMEM_MAGIC, 10)

#endif
