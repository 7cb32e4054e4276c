/* producer/server/files.h - threads for the calls that enter a source's file system.
 *
 * fstat and the last close of a file on a dead network mount block for minutes. They happen here,
 * never on the event loop (but where they can not block: local.h); answers come back through one
 * descriptor, or, where nobody had to be asked, are due at once (files_deadline). A call that takes
 * over FILES_TIMEOUT_NS is answered with -ETIMEDOUT; its thread stays behind until the kernel lets
 * it go, and closes the descriptor then. No file system has more than FILES_THREADS_EACH of them.
 */
#ifndef PRODUCER_SERVER_FILES_H
#define PRODUCER_SERVER_FILES_H

#include "common/protocol.h"

#include <mural/mural_types.h>
#include <stdint.h>

#define FILES_TIMEOUT_NS UINT64_C(10000000000)
#define FILES_THREADS_MAX 64u
#define FILES_THREADS_EACH 16u /* of one file system */

struct files;
struct file_ticket;

struct file_answer {
	int error;                /* 0 or -errno */
	enum mural_reason reason; /* with an error */
	struct protocol_identity identity;
	int fd; /* files_identify without error: the descriptor, the callee's from here; else -1 */
	bool closes_at_once; /* … and its close does not block: files_done */
};

typedef void (*file_fn)(void *user, const struct file_answer *answer);

int files_create(struct files **ret);
/* Answers still under way are dropped, their descriptors closed when their call returns. */
void files_destroy(struct files *files);

int files_fd(const struct files *files);
/* Calls @fn of everything that threads have answered, or that has taken too long. */
void files_dispatch(struct files *files, uint64_t now_ns);
/* Calls @fn of what needed no thread. */
void files_answer(struct files *files);
/* When files_dispatch, or files_answer, is next needed though the descriptor is quiet. */
uint64_t files_deadline(struct files *files);

/* Is this a readable regular file, and which? Takes @fd in every case. -ENOMEM, -EAGAIN (no
 * thread). */
int files_identify(struct files *files, int fd, file_fn fn, void *user, uint64_t now_ns,
	struct file_ticket **ret);
/* The same, and closes it. */
int files_verify(struct files *files, int fd, file_fn fn, void *user, uint64_t now_ns,
	struct file_ticket **ret);
/* Closes a source. Nothing for a negative number. */
void files_close(struct files *files, int fd);
/* Closes an answer's descriptor, without looking at the file again where that is known already. */
void files_done(struct files *files, const struct file_answer *answer);
/* The answer is no longer wanted: @fn will not be called. */
void files_forget(struct files *files, struct file_ticket *ticket);

#endif
