/* The producer's start, loop, statistics and end. */
#include "producer/server.h"

#include "common/endpoint.h"
#include "common/log.h"
#include "parts.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

/* A punch of this size takes some milliseconds; pins and answers have their turn between two. */
#define TRIM_PIECE ((uint64_t)32 << 20)
#define ACCEPTS_A_TURN 16
/* Ending for lack of work waits this long when somebody holds the socket's lock: it is about to
 * connect. */
#define EXIT_RETRY_NS UINT64_C(2000000000)

/* ---- trims, in pieces ---- */

static void trim_finish(struct server *server, struct trim *trim)
{
	if (trim->session) {
		struct protocol_trimmed message = {
			.head = {.type = PROTOCOL_TRIMMED, .serial = trim->serial},
			.freed_bytes = trim->freed_bytes,
		};
		session_send(trim->session, &message, sizeof(message), NULL, 0);
	}
	list_remove(&trim->node);
	free(trim);
	decode_room(server);
}

static void trim_step(struct server *server, struct trim *trim)
{
	uint64_t piece = min_u64(trim->left_bytes, TRIM_PIECE);
	uint64_t freed = piece > 0 ? pool_shrink(server->pool, piece, monotonic_ns()) : 0;
	trim->freed_bytes += freed;
	if (trim->left_bytes != UINT64_MAX)
		trim->left_bytes -= min_u64(freed, trim->left_bytes);
	if (freed > 0 && trim->left_bytes > 0)
		return;
	if (trim->left_bytes == UINT64_MAX) /* what held no pages is still to be forgotten */
		trim->freed_bytes += pool_purge(server->pool, monotonic_ns());
	trim_finish(server, trim);
}

void server_trim(struct server *server, struct session *session, uint32_t serial, uint64_t bytes)
{
	struct trim *trim = calloc(1, sizeof(*trim));
	if (!trim) {
		if (session)
			session_drop(session, -ENOMEM, "no memory");
		return;
	}
	*trim = (struct trim){.session = session, .serial = serial, .left_bytes = bytes};
	list_append(&server->trims, &trim->node);
}

void server_forget_trims(struct server *server, const struct session *session)
{
	list_for_each (node, &server->trims) {
		struct trim *trim = list_item(node, struct trim, node);
		if (trim->session == session)
			trim->session = NULL;
	}
}

/* ---- statistics ---- */

void server_stats(struct server *server, struct mural_stats *ret)
{
	struct mural_stats stats = server->counters;
	uint32_t waiting = 0;
	pool_stats(server->pool, &stats);
	list_for_each (node, &server->sessions)
		waiting += (uint32_t)list_item(node, struct session, node)->requests.count;
	stats.thrashing = pool_is_thrashing(server->pool, monotonic_ns());
	stats.sessions = server->session_count;
	stats.waiting_requests = waiting;
	list_for_each (node, &server->running)
		stats.workers_busy++;
	stats.workers_max = server->options.workers;
	list_for_each (node, &server->strays)
		stats.stray_decoders++;
	stats.uptime_ms = (monotonic_ns() - server->started_ns) / 1000000u;
	stats.instance = server->instance.low;
	stats.pid = getpid();
	memory_stats(server, &stats);
	*ret = stats;
}

bool server_serves(const struct server *server, uid_t uid)
{
	if (uid == geteuid())
		return true;
	for (unsigned i = 0; i < server->options.allowed_uid_count; i++)
		if (server->options.allowed_uids[i] == uid)
			return true;
	return false;
}

void server_retry(struct server *server, uint64_t when_ns)
{
	server->retry_ns = min_u64(server->retry_ns, when_ns);
}

/* ---- events ---- */

bool server_make_way(struct server *server, int error)
{
	return (error == -EMFILE || error == -ENFILE) && pool_give_up_descriptors(server->pool);
}

static bool somebody_connects(const struct server *server)
{
	struct pollfd pending = {.fd = server->listen_fd, .events = POLLIN};
	return poll(&pending, 1, 0) > 0;
}

/* Without a descriptor the kernel says so before it looks whether there is a connection: what is
 * given up then would go for nobody. */
static int accept_one(struct server *server)
{
	for (;;) {
		int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			return fd;
		int r = -errno;
		if ((r == -EMFILE || r == -ENFILE) && !somebody_connects(server))
			return -EAGAIN;
		if (!server_make_way(server, r))
			return r;
	}
}

static void listening_ready(struct loop_watch *watch, uint32_t events)
{
	struct server *server = CONTAINER_OF(watch, struct server, listening);
	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept_one(server);
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS) {
			/* The connection waits in the backlog; trying at once would spin. */
			log_line(LOG_WARNING, "no descriptor for another session");
			loop_remove(server->loop, &server->listening);
			server_retry(server, monotonic_ns() + UINT64_C(200000000));
		}
		if (fd < 0)
			return;
		session_create(server, fd);
	}
}

static void signals_ready(struct loop_watch *watch, uint32_t events)
{
	struct server *server = CONTAINER_OF(watch, struct server, signals);
	struct signalfd_siginfo info;
	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			server_trim(server, NULL, 0, UINT64_MAX);
		else
			server->ending = true;
	}
}

static void nursery_event(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	nursery_dispatch(CONTAINER_OF(watch, struct server, nursery_watch)->nursery);
}

static void files_ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	files_dispatch(CONTAINER_OF(watch, struct server, files_watch)->files, monotonic_ns());
}

static void worker_available(void *user)
{
	decode_schedule(user);
}

static bool worker_lacks_descriptors(void *user)
{
	return server_make_way(user, -EMFILE);
}

static void region_gone(uint64_t region, void *user)
{
	struct server *server = user;
	list_for_each (node, &server->sessions)
		session_region_gone(list_item(node, struct session, node), region);
}

static void holder_misbehaved(struct pool_holder *holder, void *user)
{
	struct session *session = pool_holder_user(holder);
	(void)user;
	session->misbehaves = true; /* the pool is in the middle of something */
}

/* ---- start ---- */

static int block_signals(int *ret_fd)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit also binds shared memory: an error then, not
				     the end */
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Descriptors are what a pool of large bitmaps runs out of first. Each request in flight has one:
 * where few are allowed, no session may have all of them. Nor may decoders: each has two, and two
 * for each that is at work are ready (start_nursery), so that those have a quarter at the most. A
 * session has three: its socket, its peer's pidfd, its board; they have half. */
static void claim_descriptors(struct server *server)
{
	struct rlimit limit;
	server->requests_max = SESSION_REQUESTS_MAX;
	server->sessions_max = SESSIONS_MAX;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	const struct rlimit all = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
	uint64_t allowed = setrlimit(RLIMIT_NOFILE, &all) == 0 ? limit.rlim_max : limit.rlim_cur;
	server->requests_max = (uint32_t)max_u64(1, min_u64(allowed / 4, SESSION_REQUESTS_MAX));
	server->sessions_max = (uint32_t)max_u64(4, min_u64(allowed / 6, SESSIONS_MAX));
	server->options.workers =
		(unsigned)max_u64(1, min_u64(allowed / 16, server->options.workers));
}

/* Makes the socket that others find us by, when it was not passed to us. */
static int open_socket(struct server *server)
{
	struct endpoint endpoint;
	const struct server_options *options = &server->options;
	server->listen_fd = options->listen_fd;
	server->own_socket = options->socket && options->listen_fd >= 0;
	if (options->listen_fd >= 0 || options->session_fd >= 0)
		return 0;
	int r = endpoint_resolve(options->socket, &endpoint);
	if (r == 0)
		r = endpoint_prepare(&endpoint);
	CLEANUP(close_p) int lock = -1;
	if (r == 0)
		r = endpoint_lock(&endpoint, true, &lock);
	if (r == 0)
		r = endpoint_listen(&endpoint, &server->listen_fd);
	if (r < 0) {
		log_line(LOG_ERROR, "%s: %s",
			r == -ENAMETOOLONG ? "socket" : endpoint.address.sun_path,
			r == -EADDRINUSE ? "a producer listens there already" : strerror(-r));
		return r;
	}
	server->own_socket = true;
	return 0;
}

static int start_pool(struct server *server)
{
	const struct pool_options options = {
		.budget_bytes = server->options.budget_bytes,
		.order = server->options.order,
		.idle_ns = server->options.idle_ns,
		.keep_bytes = UINT64_MAX,
		.holder_pinned_bytes = UINT64_MAX,
		.driver = server->options.driver,
		.instance = server->instance,
		.events =
			{
				.region_gone = region_gone,
				.forgotten = decode_slot_forgotten,
				.misbehaved = holder_misbehaved,
				.user = server,
			},
	};
	return pool_create(&options, monotonic_ns(), &server->pool);
}

static void workers_lost(unsigned count, void *user)
{
	memory_lost(user, count);
}

static int start_nursery(struct server *server)
{
	const struct nursery_options options = {.ahead = server->options.workers * 2};
	const struct nursery_events events = {
		.finished = decode_finished,
		.gone = decode_gone,
		.stays = job_stays,
		.left = job_left,
		.available = worker_available,
		.lost = workers_lost,
		.crowded = worker_lacks_descriptors,
		.user = server,
	};
	return nursery_start(&options, &events, &server->nursery);
}

static int watch_all(struct server *server)
{
	int r = loop_add(server->loop, &server->signals, server->signal_fd, EPOLLIN, signals_ready);
	if (r == 0)
		r = loop_add(server->loop, &server->nursery_watch, nursery_fd(server->nursery),
			EPOLLIN, nursery_event);
	if (r == 0)
		r = loop_add(server->loop, &server->files_watch, files_fd(server->files), EPOLLIN,
			files_ready);
	if (r == 0 && server->listen_fd >= 0)
		r = loop_add(server->loop, &server->listening, server->listen_fd, EPOLLIN,
			listening_ready);
	return r;
}

static int start(struct server *server)
{
	claim_descriptors(server);
	urgency_claim();
	if (getrandom(&server->instance, sizeof(server->instance), 0) < 0)
		return -errno;
	int r = open_socket(server);
	if (r < 0)
		return r;
	if (r == 0)
		r = block_signals(&server->signal_fd);
	if (r == 0)
		r = start_nursery(
			server); /* before there is anything that its children could inherit */
	if (r == 0)
		r = loop_create(&server->loop);
	if (r == 0)
		r = files_create(&server->files);
	if (r == 0)
		r = cache_init(server);
	if (r == 0)
		r = start_pool(server);
	if (r == 0)
		r = memory_start(server);
	if (r == 0)
		r = watch_all(server);
	if (r == 0 && server->options.session_fd >= 0)
		r = session_create(server, server->options.session_fd);
	if (r < 0)
		log_line(LOG_ERROR, "can not start: %s", strerror(-r));
	return r;
}

/* ---- the loop ---- */

static void end_sessions(struct server *server)
{
	list_for_each (node, &server->sessions) {
		struct session *session = list_item(node, struct session, node);
		if (session->misbehaves)
			session_drop(session, -EPROTO, "its pin board makes no sense");
		if (session->doomed)
			session_destroy(session);
	}
}

static void retry(struct server *server)
{
	server->retry_ns = UINT64_MAX;
	if (server->listening.fd < 0 && server->listen_fd >= 0)
		loop_add(server->loop, &server->listening, server->listen_fd, EPOLLIN,
			listening_ready);
	list_for_each (node, &server->sessions)
		session_retry(list_item(node, struct session, node));
}

/* Removes the socket under its lock, unless somebody is just connecting. */
static bool leave_socket(struct server *server)
{
	struct endpoint endpoint;
	if (!server->own_socket || endpoint_resolve(server->options.socket, &endpoint) < 0)
		return true;
	CLEANUP(close_p) int lock = -1;
	int r = endpoint_lock(&endpoint, false, &lock);
	if (r == -ENOENT) /* its folder has gone, and with it the way here */
		return true;
	if (!server->ending && (r < 0 || somebody_connects(server)))
		return false;
	unlink(endpoint.address.sun_path);
	return true;
}

static uint64_t exit_due(const struct server *server)
{
	if (server->session_count > 0 || server->options.idle_exit_ns == 0)
		return UINT64_MAX;
	return server->alone_since_ns + server->options.idle_exit_ns;
}

static void end_when_alone(struct server *server, uint64_t now)
{
	if (server->session_count == 0 && server->options.session_fd >= 0)
		server->ending = true; /* a private producer ends with its session */
	if (exit_due(server) > now)
		return;
	if (leave_socket(server))
		server->ending = true;
	else
		server->alone_since_ns = now + EXIT_RETRY_NS - server->options.idle_exit_ns;
}

static uint64_t next_deadline(const struct server *server)
{
	if (!list_empty(&server->trims))
		return 0;
	uint64_t deadline = min_u64(pool_deadline(server->pool), decode_deadline(server));
	deadline = min_u64(deadline, files_deadline(server->files));
	deadline = min_u64(deadline, memory_deadline(server));
	deadline = min_u64(deadline, server->retry_ns);
	return min_u64(deadline, exit_due(server));
}

static void turn(struct server *server)
{
	if (!list_empty(&server->trims))
		trim_step(server, list_item(server->trims.next, struct trim, node));
	uint64_t now = monotonic_ns();
	if (pool_deadline(server->pool) <= now) {
		pool_tick(server->pool, now);
		decode_room(server);
	}
	files_answer(server->files);
	if (files_deadline(server->files) <= now)
		files_dispatch(server->files, now);
	if (server->retry_ns <= now)
		retry(server);
	memory_tick(server, now);
	decode_tick(server, now);
	end_sessions(server);
	end_when_alone(server, now);
}

static void stop(struct server *server)
{
	server->ending = true;
	leave_socket(server);
	if (server->loop)
		loop_remove(server->loop, &server->listening);
	close_p(&server->listen_fd);
	nursery_stop(server->nursery);
	list_for_each (node, &server->sessions)
		session_destroy(list_item(node, struct session, node));
	if (server->entries.buckets)
		cache_fini(server);
	list_for_each (node, &server->trims)
		free(list_item(node, struct trim, node));
	list_for_each (node, &server->strays)
		free(list_item(node, struct stray, node));
	files_destroy(server->files);
	memory_stop(server);
	pool_destroy(server->pool);
	loop_destroy(server->loop);
	close_p(&server->signal_fd);
}

static void server_init(struct server *server, const struct server_options *options)
{
	*server = (struct server){
		.options = *options,
		.listen_fd = -1,
		.signal_fd = -1,
		.listening = {.fd = -1},
		.signals = {.fd = -1},
		.nursery_watch = {.fd = -1},
		.files_watch = {.fd = -1},
		.memory.watch = {.fd = -1},
		.retry_ns = UINT64_MAX,
		.started_ns = monotonic_ns(),
		.alone_since_ns = monotonic_ns(),
	};
	list_init(&server->sessions);
	list_init(&server->trims);
	list_init(&server->roomless);
	list_init(&server->aside);
	list_init(&server->running);
	list_init(&server->strays);
	list_init(&server->picture_order);
	for (int i = 0; i < PRIORITIES * QUEUES; i++)
		list_init(&server->queued[i / QUEUES][i % QUEUES]);
}

int server_run(const struct server_options *options)
{
	struct server server;
	server_init(&server, options);
	int r = start(&server);
	while (r == 0 && !server.ending) {
		r = loop_run_once(server.loop, next_deadline(&server));
		server.counters.wakeups++;
		if (r == 0)
			turn(&server);
	}
	stop(&server);
	return r;
}
