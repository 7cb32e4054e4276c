/* device.h - what a program has to know that uses /dev/ashmem by itself. Nothing of this project is
 * included: that is the point. */
#ifndef DEVICE_H
#define DEVICE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define NAME_LENGTH 256
#define SET_NAME _IOW(0x77, 1, char[NAME_LENGTH])
#define GET_NAME _IOR(0x77, 2, char[NAME_LENGTH])
#define SET_SIZE _IOW(0x77, 3, size_t)
#define GET_SIZE _IO(0x77, 4)
#define SET_MASK _IOW(0x77, 5, unsigned long)
#define GET_MASK _IO(0x77, 6)
#define PIN _IOW(0x77, 7, struct pin)
#define UNPIN _IOW(0x77, 8, struct pin)
#define STATUS _IO(0x77, 9)
#define PURGE_ALL _IO(0x77, 10)

struct pin {
	uint32_t offset, length;
};

#define PAGE ((int)getpagesize())
#define RW (PROT_READ | PROT_WRITE)

static int failures;

#define CHECK(holds)                                                                               \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #holds);        \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

/* The call fails with this errno. */
#define FAILS(error, call) CHECK((errno = 0, (long)(call) == -1) && errno == (error))

static inline int pin_call(int fd, unsigned long request, uint32_t offset, uint32_t length)
{
	struct pin pin = {offset, length};
	return ioctl(fd, request, &pin);
}

#endif
