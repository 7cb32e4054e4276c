/* support/process.h - for tests that start the real programs: a folder and a socket of their own,
 * output collected, ends waited for by events, descriptors and mappings counted.
 *
 * What cannot be set up (no folder, no process) is not a result of a test: these calls print why
 * and abort. Every process started here is killed when the test that started it dies. Times in
 * milliseconds. */
#ifndef SUPPORT_PROCESS_H
#define SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TEST_TIMEOUT_MS                                                                            \
	60000 /* generous: only a hang is to meet it, on a slow machine and under a sanitizer too  \
	       */

/* ---- a place of its own ---- */

/* Makes a folder and points MURAL_SOCKET, XDG_RUNTIME_DIR, MURAL_PRODUCER of this process (and so
 * of all it starts) into it. The caller owns the returned path. */
char *test_folder_create(void);

/* Ends the producer that listens in the folder, if any, removes the folder with all in it, frees
 * the path. */
void test_folder_remove(char *folder);

/* "FOLDER/NAME"; the caller frees it. */
char *test_path(const char *folder, const char *name);

/* The path of a program of this build: "mural", "mural-producer". Static storage, until the next
 * call. */
const char *test_program(const char *name);

/* The path of a file or folder of the source tree: "assets/formats". As test_program. */
const char *test_source_path(const char *name);

/* Writes a file, whole. */
void test_write_file(const char *path, const void *data, size_t size);

/* Reads one, whole; NUL-terminated behind its end; the caller frees it. */
char *test_read_file(const char *path, size_t *ret_size);

/* Makes one of make_assets' large pictures in the folder: "12", "png". The caller frees its path.
 */
char *test_large_picture(const char *folder, const char *megapixels, const char *kind);

/* ---- a process ---- */

struct test_process {
	pid_t pid;
	int pidfd;
	int out, err; /* files without a name that collect what it prints */
	bool ended;
	int status; /* as waitpid's, once ended */
};

/* Starts argv[0] (a path, as test_program gives) with standard input from @in (-1: none). */
void test_process_start(struct test_process *process, int in, const char *const argv[]);

/* The same with standard output going to @out, which is taken, instead of being collected. */
void test_process_start_to(struct test_process *process, int in, int out, const char *const argv[]);

/* Waits for its end. True: ended, process->status is set; false: still running after the time. */
bool test_process_wait(struct test_process *process, int timeout_ms);

void test_process_signal(struct test_process *process, int signal);

/* Kills it when it still runs, and frees all. */
void test_process_fini(struct test_process *process);

/* What it has printed so far; NUL-terminated behind its end; the caller frees it. @ret_size may be
 * NULL. */
char *test_process_out(const struct test_process *process, size_t *ret_size);
char *test_process_err(const struct test_process *process, size_t *ret_size);

/* Starts it, waits for its end (a hang aborts the test), and gives its exit status, or 128 + the
 * signal that ended it. */
int test_process_run(struct test_process *process, int in, const char *const argv[]);

/* ---- the producer ---- */

/* Starts mural-producer in the folder with further arguments (NULL-terminated, or NULL) and waits
 * until it answers. */
void test_producer_start(
	struct test_process *process, const char *folder, const char *const args[]);

/* The same with another program in its place (a name, as test_program takes it). */
void test_producer_start_as(struct test_process *process, const char *name, const char *folder,
	const char *const args[]);

/* The process that listens on the folder's socket; 0: none. */
pid_t test_producer_pid(const char *folder);

/* ---- what a process holds ---- */

/* Open descriptors. -1: it has gone. */
int test_count_descriptors(pid_t pid);

/* Mappings with @part in their line of /proc/PID/maps (NULL: all). -1: it has gone. */
int test_count_mappings(pid_t pid, const char *part);

/* Children. -1: it has gone. */
int test_count_children(pid_t pid);

/* Threads. -1: it has gone. */
int test_count_threads(pid_t pid);

/* What it is at, as /proc/PID/stat says: 'T' is stopped. 0: it has gone. */
char test_process_state(pid_t pid);

/* The child of @parent with this name and the least number above @after; 0: there is none. */
pid_t test_child_named(pid_t parent, const char *name, pid_t after);

/* Looks every few milliseconds, for what tells nobody that it has happened, until @is gives true.
 * False: it never did. */
bool test_until(bool (*is)(void *context), void *context, int timeout_ms);

#endif
