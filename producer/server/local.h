/* producer/server/local.h - which file systems answer fstat at once.
 *
 * One that lies in this machine has every open file's inode in memory. A network mount, or one in
 * user space, asks somebody else first, and may have to wait for good. Asking which it is can block
 * in the same way, so that what was learnt is kept for each device. A device number can be taken
 * over by another mount: then fstat is still right, and may block. */
#ifndef PRODUCER_SERVER_LOCAL_H
#define PRODUCER_SERVER_LOCAL_H

#include <stdbool.h>
#include <sys/types.h>

#define LOCAL_DEVICES 32u

enum local {
	LOCAL_UNKNOWN,
	LOCAL_NO,
	LOCAL_YES,
};

/* All zero: nothing is known. One thread's. */
struct local_devices {
	struct {
		dev_t device;
		enum local local;
	} known[LOCAL_DEVICES];
	unsigned next; /* place for a new one: the oldest's */
};

/* What is known of @fd's device, which @ret_device is. Never blocks. NO where the system can not
 * tell the device without blocking. */
enum local local_look(const struct local_devices *devices, int fd, dev_t *ret_device);

/* YES or NO, by the type of its file system. May block. */
enum local local_ask(int fd);

void local_learn(struct local_devices *devices, dev_t device, enum local local);

#endif
