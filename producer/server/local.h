/* producer/server/local.h - which file systems answer fstat at once.
 *
 * One that lies in this machine has every open file's inode in memory, and closes a file without
 * asking anybody; only the last close of one whose name is gone has work to do. A network mount, or
 * one in user space, asks somebody else first, and may have to wait for good. Asking which it is
 * can block in the same way, so that what was learnt is kept for each device. A device number can
 * be taken over by another mount: then fstat is still right, and may block. */
#ifndef PRODUCER_SERVER_LOCAL_H
#define PRODUCER_SERVER_LOCAL_H

#include <stdbool.h>
#include <sys/stat.h>
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

struct local_file {
	dev_t device;
	enum local
		local; /* of the device, as far as it is known; NO where even that can not be had */
	bool has_name; /* in a folder: closing it removes nothing */
	/* All that fstat would say, and of a local file as true; of others, what the kernel has. */
	struct statx facts;
};

/* What is known of @fd, by one call. Never blocks. */
void local_look(const struct local_devices *devices, int fd, struct local_file *ret);

/* YES or NO, by the type of its file system. May block. */
enum local local_ask(int fd);

void local_learn(struct local_devices *devices, dev_t device, enum local local);

#endif
