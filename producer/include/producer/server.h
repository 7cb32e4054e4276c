/* producer/server.h - the producer: sessions, requests, decoders and the pool, on one event loop.
 */
#ifndef PRODUCER_SERVER_H
#define PRODUCER_SERVER_H

#include "pool/pool.h"

#include <ashmem/ashmem.h>
#include <stdint.h>
#include <sys/types.h>

#define SERVER_UIDS_MAX 8u

struct server_options {
	const char *socket; /* where to listen, NULL: the default. With listen_fd: the path to
			       remove at the end, NULL: none */
	int listen_fd;      /* -1, or a listening socket that was passed (systemd, libmural) */
	int session_fd; /* -1, or the one connection of a private producer, which ends with it */
	uint64_t budget_bytes;
	uint64_t idle_ns;
	uint64_t max_pixels;
	uint64_t idle_exit_ns; /* end after so long without a session; 0: never */
	unsigned workers;      /* decoders at once */
	enum ashmem_driver driver;
	uint32_t pressure_sources;   /* enum mural_watch: what memory may be watched by */
	uint64_t growth_bytes_per_s; /* the fastest allocator to be safe from; 0: 4 GiB/s */
	enum pool_order order;
	uid_t allowed_uids[SERVER_UIDS_MAX]; /* besides our own */
	unsigned allowed_uid_count;
};

/* Serves until SIGTERM, SIGINT or SIGHUP (0), the end of its session, or lack of work (0). SIGUSR1
 * purges what nobody pins. -errno: it could not start; said on standard error. */
int server_run(const struct server_options *options);

#endif
