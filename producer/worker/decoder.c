/* A decoder: one job, one answer, the end. Until sandbox_close this is trusted code that has seen
 * no byte of the image; after it, only the codec and one send are left. */
#include "producer/codec.h"
#include "producer/nursery.h"
#include "producer/sandbox.h"

#include "common/collapse.h"
#include "common/message.h"
#include "common/populate.h"
#include "common/util.h"
#include "decoder_descriptors.h"
#include "descriptors.h"
#include "rehearsal.h"
#include "window.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define WARM_HEAP_BYTES ((size_t)128 << 10)

/* Everything of the process, which never returns: freed by its end. */
struct decoder {
	int socket, source;
	int memory; /* -1: it is written through the mapping alone */
	struct job job;
	struct window window;
	struct team *team;
	enum job_collapse collapse;
};

static _Noreturn void leave(int status)
{
#ifdef MURAL_NO_SANDBOX
	exit(status); /* a coverage build writes its counts on the way out */
#else
	_exit(status);
#endif
}

static _Noreturn void answer(int socket, const struct job_result *result)
{
	ssize_t sent;
	do {
		/* By its number: where all socket calls are also one, glibc takes that one, whose
		 * arguments the filter can not see. */
		sent = syscall(SYS_sendto, socket, result, sizeof(*result), MSG_NOSIGNAL, NULL, 0);
	} while (sent < 0 && errno == EINTR);
	leave(sent == sizeof(*result) ? 0 : 1);
}

static _Noreturn void give_up(int socket, int error, const char *text)
{
	struct job_result result = {.error = error, .reason = MURAL_REASON_MEMORY};
	snprintf(result.text, sizeof(result.text), "%s", text);
	answer(socket, &result);
}

/* Of huge pages where that is asked for and they are to be had: then rows are not written into the
 * file, and its descriptor is not needed any more. */
static int take_window(struct decoder *decoder, int memory)
{
	const struct job *job = &decoder->job;
	struct window *window = &decoder->window;
	int r = window_map(memory, job->window_offset, job->window_length, window);
	if (r == 0 && job->flags & JOB_COLLAPSE)
		decoder->collapse = collapse(window->pixels, window->length) ? JOB_COLLAPSE_DONE
									     : JOB_COLLAPSE_FAILED;
	if (job->flags & JOB_WRITTEN && decoder->collapse != JOB_COLLAPSE_DONE &&
		memory == DECODER_MEMORY)
		decoder->memory = memory;
	return r;
}

/* Waits as long as it takes: the socket blocks. */
static int take_job(struct decoder *decoder)
{
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	struct job *job = &decoder->job;
	ssize_t length = message_receive(decoder->socket, job, sizeof(*job), fds, &count);
	if (length == 0)
		leave(0); /* the producer has gone: nobody will come any more */
	if (length < 0)
		return (int)length;
	if (length != sizeof(*job) || count != (job_has_window(job) ? 2u : 1u))
		return -EPROTO;
	decoder->source = fds[0];
	return job_has_window(job) ? take_window(decoder, fds[1]) : 0;
}

static int close_the_rest(const struct decoder *decoder)
{
	const int keep[] = {
		decoder->socket,
		decoder->source,
		decoder->memory >= 0 ? decoder->memory : decoder->source,
#ifdef MURAL_SANITIZED
		STDERR_FILENO,
#endif
	};
	return descriptors_keep_only(keep, ARRAY_SIZE(keep));
}

static int shut_in(struct decoder *decoder)
{
	const struct sandbox_limits limits = {
		.fds = {.source = decoder->source,
			.answer = decoder->socket,
			.memory = DECODER_MEMORY},
		.written_to = decoder->memory >= 0
				      ? decoder->job.window_offset + decoder->job.window_length
				      : 0,
		.window_bytes = decoder->window.length,
		.memory_bytes = decoder->job.memory_bytes,
		.cpu_seconds = decoder->job.cpu_seconds,
	};
	int r = sandbox_prepare(&limits);
	if (r < 0)
		return r;
	decoder->team = team_create(decoder->job.threads);
	return sandbox_close(&limits);
}

/* After a fork each page costs a fault: what a small picture's codec allocates is brought in while
 * nobody waits, by one call instead of a fault a page. More of it costs more when the process ends
 * than it saves (0.42 ms of processor time a probe; with 256 KiB, touched, 0.50), and so do the
 * programs' and libraries' pages. */
static void warm_heap(void)
{
	uint8_t *heap = malloc(WARM_HEAP_BYTES);
	if (!heap)
		return;
	uint8_t *first = heap - (uintptr_t)heap % page_bytes();
	size_t size = WARM_HEAP_BYTES + (size_t)(heap - first);
	if (madvise(first, size, MADV_POPULATE_WRITE) < 0)
		explicit_bzero(heap, WARM_HEAP_BYTES); /* Linux before 5.14 */
	free(heap);
}

/* All that can be done before there is a job. */
static int get_ready(int socket)
{
	prctl(PR_SET_NAME, "mural-decoder");
	int flags = fcntl(socket, F_GETFL);
	if (flags < 0 || fcntl(socket, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return -errno;
	int r = sandbox_begin();
	if (r == 0) {
		warm_heap();
		rehearse(DECODER_REHEARSAL);
	}
	close(DECODER_REHEARSAL);
	return r;
}

void decoder_main(int socket)
{
	static struct decoder decoder = {.source = -1, .memory = -1};
	decoder.socket = socket;
	int ready = get_ready(socket);
	int r = take_job(&decoder);
	if (r < 0)
		give_up(socket, r, "the decoder could not map the memory for the picture");
	r = ready;
	if (r == 0)
		r = close_the_rest(&decoder);
	if (r == 0)
		r = shut_in(&decoder);
	if (r < 0)
		give_up(socket, r, "the decoder could not shut itself in");

	struct job_result result = {0};
	const struct codec_place place = {
		.pixels = decoder.window.pixels, .fd = decoder.memory, .team = decoder.team};
	codec_run(decoder.source, &decoder.job, decoder.window.pixels ? &place : NULL, &result);
	result.collapse = decoder.collapse;
	answer(socket, &result);
}
