/* A consumer's connection.
 *
 * Everything that arrives is hostile until checked. A session ends in one of two ways: the peer
 * goes (hang-up, or its process dies though a forked child keeps the socket open), or we drop it;
 * then its pins go on counting until the peer has gone, because it may still be reading. */
#include "parts.h"

#include "common/log.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* Fairness: so many messages of one consumer (32) before the others have their turn. */
#define BATCHES_A_TURN (32 / MESSAGE_BATCH_MAX)
/* When the kernel says that too many descriptors are under way, or nothing else tells us when to
 * send again. */
#define RETRY_NS UINT64_C(10000000)

struct outgoing {
	struct list node;
	size_t size, count;
	int fds[MESSAGE_FDS_MAX];
	unsigned char bytes[];
};

struct told_region {
	struct hash_node node;
	uint64_t region;
};

/* How many READYs have named a slot and were not given back: when the count falls to 0 the session
 * forgets the slot. */
struct told_slot {
	struct hash_node node;
	uint32_t number, count;
};

static void socket_ready(struct loop_watch *watch, uint32_t events);

static void session_leave(struct session *session)
{
	session->doomed = true;
}

static void death_ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	session_leave(CONTAINER_OF(watch, struct session, death));
}

/* A pidfd of the peer: the only sign of its death while a forked child holds the socket. */
static int peer_pidfd(int fd, pid_t pid)
{
	int pidfd;
	socklen_t size = sizeof(pidfd);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0)
		return pidfd;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* before Linux 6.5 */
	return pidfd < 0 ? -errno : pidfd;
}

/* The same, if there is a place for it. */
static int have_peer_pidfd(struct server *server, int fd, pid_t pid)
{
	int pidfd;
	do {
		pidfd = peer_pidfd(fd, pid);
	} while (pidfd < 0 && server_make_way(server, pidfd));
	return pidfd;
}

static int watch_peer(struct session *session)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	if (getsockopt(session->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	session->pid = peer.pid;
	session->uid = peer.uid;
	session->pidfd = have_peer_pidfd(session->server, session->fd, peer.pid);
	int r = loop_add(
		session->server->loop, &session->socket, session->fd, EPOLLIN, socket_ready);
	if (r < 0 || session->pidfd <
			     0) /* died already, or another pid namespace: the hang-up must do */
		return r;
	return loop_add(
		session->server->loop, &session->death, session->pidfd, EPOLLIN, death_ready);
}

/* ---- how many ---- */

/* So many that have been refused may stay to be told so. */
#define REFUSED_MAX 16u

struct census {
	uint32_t all, of_user, of_process; /* of those that are served; with this one's */
	uint32_t refused;
	struct session *first_refused;
};

/* A walk, but there are not many, and they live long. */
static struct census take_census(const struct session *session)
{
	struct census census = {0};
	list_for_each (node, &session->server->sessions) {
		struct session *other = list_item(node, struct session, node);
		if (other->doomed)
			continue;
		if (other->dropped && !other->holder) {
			census.first_refused = census.refused > 0 ? census.first_refused : other;
			census.refused++;
			continue;
		}
		census.all++;
		census.of_user += other->uid == session->uid;
		census.of_process += other->uid == session->uid && other->pid == session->pid;
	}
	return census;
}

/* No user may take what the others are to have, and no program all of what its user has: one that
 * has run wild would keep everybody out. */
static bool is_one_too_many(const struct server *server, const struct census *census)
{
	uint32_t all = server->sessions_max;
	uint32_t a_user = (uint32_t)max_u64(all / (1 + server->options.allowed_uid_count), 2);
	return census->all > all || census->of_user > a_user || census->of_process > a_user / 2;
}

static void admit(struct session *session)
{
	struct server *server = session->server;
	struct census census = take_census(session);
	if (!server_serves(server, session->uid))
		session_drop(session, -EACCES, "this producer serves another user");
	else if (is_one_too_many(server, &census))
		session_drop(session, -EDQUOT, "too many sessions");
	if (session->dropped && census.refused >= REFUSED_MAX)
		session_leave(census.first_refused);
}

int session_create(struct server *server, int fd)
{
	struct session *session = calloc(1, sizeof(*session));
	if (!session) {
		close(fd);
		return -ENOMEM;
	}
	*session = (struct session){
		.server = server,
		.fd = fd,
		.pidfd = -1,
		.socket = {.fd = -1},
		.death = {.fd = -1},
	};
	list_init(&session->node);
	list_init(&session->unsent);
	int r = hash_init(&session->requests);
	if (r == 0)
		r = hash_init(&session->regions);
	if (r == 0)
		r = hash_init(&session->slots);
	if (r == 0)
		r = watch_peer(session);
	list_append(&server->sessions, &session->node);
	server->session_count++;
	server->alone_since_ns = 0;
	if (r < 0) {
		session_destroy(session);
		return r;
	}
	admit(session);
	return 0;
}

static void outgoing_free(struct session *session, struct outgoing *message)
{
	list_remove(&message->node);
	session->unsent_bytes -= message->size;
	close_all(message->fds, message->count);
	free(message);
}

static void discard_requests(struct session *session)
{
	for (size_t i = 0; i < session->requests.size && session->requests.buckets; i++)
		while (session->requests.buckets[i])
			request_discard(CONTAINER_OF(
				session->requests.buckets[i], struct request, in_session));
}

/* Frees what a table holds: nodes are the first member of what is told. */
_Static_assert(offsetof(struct told_region, node) == 0 && offsetof(struct told_slot, node) == 0,
	"freed as nodes");

static void forget_told(struct hash *told)
{
	for (size_t i = 0; i < told->size && told->buckets; i++) {
		struct hash_node *node = told->buckets[i];
		while (node) {
			struct hash_node *next = node->next;
			free(node);
			node = next;
		}
	}
	hash_fini(told);
}

void session_destroy(struct session *session)
{
	struct server *server = session->server;
	discard_requests(session);
	server_forget_trims(server, session);
	loop_remove(server->loop, &session->socket);
	loop_remove(server->loop, &session->death);
	close_p(&session->fd);
	close_p(&session->pidfd);
	if (session->holder)
		pool_holder_destroy(server->pool, session->holder);
	list_for_each (node, &session->unsent)
		outgoing_free(session, list_item(node, struct outgoing, node));
	hash_fini(&session->requests);
	forget_told(&session->regions);
	forget_told(&session->slots);
	list_remove(&session->node);
	server->session_count--;
	if (server->session_count == 0)
		server->alone_since_ns = monotonic_ns();
	free(session);
	if (!server->ending)
		nursery_hurry(server->nursery);
	decode_room(server); /* its pins are gone */
}

/* ---- out ---- */

static void want_to_send(struct session *session, bool wanted)
{
	if (session->socket.fd >= 0 && !session->dropped)
		loop_change(session->server->loop, &session->socket,
			wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int copy_descriptors(struct outgoing *message, const int *fds, size_t count)
{
	for (message->count = 0; message->count < count; message->count++) {
		int copy = dup_cloexec(fds[message->count]);
		if (copy < 0) {
			close_all(message->fds, message->count);
			return copy;
		}
		message->fds[message->count] = copy;
	}
	return 0;
}

static int queue(
	struct session *session, const void *bytes, size_t size, const int *fds, size_t count)
{
	struct outgoing *message = NULL;
	if (session->unsent_bytes + size <= SESSION_UNSENT_MAX)
		message = malloc(sizeof(*message) + size);
	if (!message) {
		session_leave(session); /* there is no telling it: it does not read */
		return 0;
	}
	message->size = size;
	int r = copy_descriptors(message, fds, count);
	if (r < 0) {
		free(message);
		return r;
	}
	memcpy(message->bytes, bytes, size);
	if (list_empty(&session->unsent))
		want_to_send(session, true);
	list_append(&session->unsent, &message->node);
	session->unsent_bytes += size;
	return 0;
}

int session_send(
	struct session *session, const void *message, size_t size, const int *fds, size_t count)
{
	if (session->doomed || session->dropped)
		return 0;
	int r = -EAGAIN;
	if (list_empty(&session->unsent))
		r = message_send(session->fd, message, size, fds, count);
	if (r == -EAGAIN || r == -ETOOMANYREFS || r == -ENOBUFS || r == -ENOMEM)
		return queue(session, message, size, fds, count);
	if (r < 0)
		session_leave(session);
	return 0;
}

static void send_queued(struct session *session)
{
	while (!list_empty(&session->unsent)) {
		struct outgoing *message = list_item(session->unsent.next, struct outgoing, node);
		int r = message_send(
			session->fd, message->bytes, message->size, message->fds, message->count);
		if (r == -EAGAIN)
			return;
		if (r == -ETOOMANYREFS || r == -ENOBUFS || r == -ENOMEM) {
			/* Writable all the same: polling would spin. Rare enough to look again with
			 * the clock. */
			want_to_send(session, false);
			server_retry(session->server, monotonic_ns() + RETRY_NS);
			return;
		}
		outgoing_free(session, message);
		if (r < 0) {
			session_leave(session);
			return;
		}
	}
	want_to_send(session, false);
}

void session_retry(struct session *session)
{
	if (!list_empty(&session->unsent) && !session->doomed)
		want_to_send(session, true);
}

void session_drop(struct session *session, int error, const char *reason)
{
	if (session->dropped || session->doomed)
		return;
	log_line(LOG_INFO, "session of %s (%d) ended: %s", session->name[0] ? session->name : "?",
		(int)session->pid, reason);
	struct protocol_farewell farewell = {.head.type = PROTOCOL_FAREWELL, .error = error};
	snprintf(farewell.reason, sizeof(farewell.reason), "%s", reason);
	session_send(session, &farewell, sizeof(farewell), NULL, 0);
	if (session->doomed)
		return;
	send_queued(session);
	session->dropped = true;
	discard_requests(session);
	server_forget_trims(session->server, session);
	/* The peer reads the end; what it sends from now on is not looked at, only that it goes. */
	shutdown(session->fd, SHUT_WR);
	loop_change(session->server->loop, &session->socket, EPOLLRDHUP);
}

static struct told_slot *find_told_slot(const struct session *session, uint32_t number)
{
	struct hash_node *node =
		hash_find(&session->slots, hash_bytes(&session->slots, &number, sizeof(number)));
	while (node && CONTAINER_OF(node, struct told_slot, node)->number != number)
		node = hash_find_next(node);
	return node ? CONTAINER_OF(node, struct told_slot, node) : NULL;
}

static struct told_slot *note_slot(struct session *session, uint32_t number)
{
	struct told_slot *told = find_told_slot(session, number);
	if (told)
		return told;
	told = calloc(1, sizeof(*told));
	if (!told)
		return NULL;
	told->number = number;
	hash_insert(
		&session->slots, &told->node, hash_bytes(&session->slots, &number, sizeof(number)));
	return told;
}

static void forget_slot(struct session *session, struct told_slot *told)
{
	struct pool_slot *slot = pool_find(session->server->pool, told->number);
	hash_remove(&session->slots, &told->node);
	free(told);
	if (slot)
		pool_release(session->server->pool, slot, session->holder);
}

static void give_back_slot(struct session *session, uint32_t number, uint32_t count)
{
	struct told_slot *told = find_told_slot(session, number);
	if (!told || told->count < count) {
		session_drop(session, -EPROTO, "it gives back what it was not given");
		return;
	}
	told->count -= count;
	if (told->count > 0)
		return;
	forget_slot(session, told);
	decode_room(session->server);
}

static bool session_knows_region(const struct session *session, uint64_t region)
{
	struct hash_node *node = hash_find(
		&session->regions, hash_bytes(&session->regions, &region, sizeof(region)));
	for (; node; node = hash_find_next(node))
		if (CONTAINER_OF(node, struct told_region, node)->region == region)
			return true;
	return false;
}

/* Sends @ready with the descriptor of its region, which the session does not know yet. */
static int send_with_region(struct session *session, const struct pool_slot *slot,
	const struct protocol_ready *ready, uint64_t region_size)
{
	struct protocol_handover message = {.ready = *ready, .region_size = region_size};
	message.ready.head.type = PROTOCOL_HANDOVER;
	CLEANUP(free_p) struct told_region *told = calloc(1, sizeof(*told));
	if (!told)
		return -ENOMEM;
	int fd = -1;
	int r = pool_slot_share(session->server->pool, slot, &fd);
	if (r == 0)
		r = session_send(session, &message, sizeof(message), &fd, 1);
	if (r < 0)
		return r;
	told->region = ready->region;
	hash_insert(&session->regions, &told->node,
		hash_bytes(&session->regions, &told->region, sizeof(told->region)));
	take_ptr(&told);
	return 0;
}

int session_hand_over(
	struct session *session, struct pool_slot *slot, bool grant, struct protocol_ready *ready)
{
	struct pool *pool = session->server->pool;
	struct told_slot *told = note_slot(session, pool_slot_number(slot));
	if (!told)
		return -ENOMEM;
	uint64_t size;
	ready->slot = told->number;
	ready->generation = pool_slot_generation(slot);
	pool_slot_place(slot, &ready->region, &size, &ready->offset);
	int r = pool_tell(pool, slot, session->holder, grant, monotonic_ns());
	if (r == 0 && session_knows_region(session, ready->region))
		r = session_send(session, ready, sizeof(*ready), NULL, 0);
	else if (r == 0)
		r = send_with_region(session, slot, ready, size);
	if (r == 0)
		told->count++;
	else if (told->count == 0) /* it holds nothing of this slot */
		forget_slot(session, told);
	return r;
}

void session_region_gone(struct session *session, uint64_t region)
{
	struct hash_node *node = hash_find(
		&session->regions, hash_bytes(&session->regions, &region, sizeof(region)));
	for (; node; node = hash_find_next(node)) {
		struct told_region *told = CONTAINER_OF(node, struct told_region, node);
		if (told->region != region)
			continue;
		hash_remove(&session->regions, node);
		free(told);
		struct protocol_region_gone message = {
			.head.type = PROTOCOL_REGION_GONE, .region = region};
		session_send(session, &message, sizeof(message), NULL, 0);
		return;
	}
}

/* ---- in ---- */

static void on_hello(struct session *session, const struct protocol_hello *hello)
{
	struct server *server = session->server;
	if (session->holder || hello->magic != PROTOCOL_MAGIC || hello->flags != 0) {
		session_drop(session, -EPROTO, "not a greeting");
		return;
	}
	if (hello->version != PROTOCOL_VERSION) {
		session_drop(session, -EPROTONOSUPPORT, "another version of the protocol");
		return;
	}
	memcpy(session->name, hello->name, sizeof(session->name));
	session->name[sizeof(session->name) - 1] = '\0';
	int board = -1;
	int r = pool_holder_create(server->pool, session->uid, session, &session->holder, &board);
	struct protocol_welcome welcome = {
		.head = {.type = PROTOCOL_WELCOME, .serial = hello->head.serial},
		.version = PROTOCOL_VERSION,
		.pid = (uint32_t)getpid(),
		.instance = server->instance,
		.budget_bytes = server->options.budget_bytes,
		.requests_max = server->requests_max,
	};
	const int fds[2] = {pool_table_fd(server->pool), board};
	if (r == 0)
		r = session_send(session, &welcome, sizeof(welcome), fds, 2);
	if (r < 0)
		session_drop(session, -EMFILE, "no memory or descriptors for another session");
	else
		memory_tell(session);
}

static void on_pin(struct session *session, const struct protocol_slot *wanted)
{
	struct server *server = session->server;
	struct protocol_pin_answer answer = {
		.head = {.type = PROTOCOL_PIN_ANSWER, .serial = wanted->head.serial},
		.slot = wanted->slot,
		.generation = wanted->generation,
		.result = PROTOCOL_PIN_PURGED,
	};
	struct pool_slot *slot = pool_find(server->pool, wanted->slot);
	if (slot && pool_slot_generation(slot) == wanted->generation &&
		find_told_slot(session, wanted->slot)) {
		uint64_t now = monotonic_ns();
		/* Only of what it was told, so that nobody gets a picture that he can not open.
		 * Over its quota it is told "purged": the decode that it asks for then fails with
		 * -EDQUOT and says why. */
		if (pool_revive(server->pool, slot, session->holder, now) == 0 &&
			pool_tell(server->pool, slot, session->holder, true, now) == 0)
			answer.result = PROTOCOL_PIN_INTACT;
	}
	session_send(session, &answer, sizeof(answer), NULL, 0);
}

static void on_nudge(struct session *session, const struct protocol_slot *message)
{
	struct pool_slot *slot = pool_find(session->server->pool, message->slot);
	if (slot)
		pool_nudge(session->server->pool, slot, monotonic_ns());
	decode_room(session->server);
}

static void on_stat(struct session *session, uint32_t serial)
{
	struct protocol_stats message = {.head = {.type = PROTOCOL_STATS, .serial = serial}};
	server_stats(session->server, &message.stats);
	session_send(session, &message, sizeof(message), NULL, 0);
}

static void on_request(struct session *session, const struct protocol_request *wanted, int fd)
{
	if (wanted->head.serial == 0 || request_find(session, wanted->head.serial)) {
		files_close(session->server->files, fd);
		session_drop(session, -EPROTO, "a request's number is in use");
		return;
	}
	request_start(session, wanted, fd);
}

/* Takes the descriptors. In the place of a lost one stands -errno. */
static void on_message(
	struct session *session, const union protocol_any *message, int *fds, size_t count)
{
	uint32_t type = message->head.type;
	struct request *request;
	if (session->doomed || session->dropped || (!session->holder && type != PROTOCOL_HELLO)) {
		for (size_t i = 0; i < count; i++)
			files_close(session->server->files, fds[i]);
		session_drop(session, -EPROTO, "no greeting");
		return;
	}
	switch (type) {
	case PROTOCOL_HELLO:
		on_hello(session, &message->hello);
		return;
	case PROTOCOL_REQUEST:
		on_request(session, &message->request, fds[0]);
		return;
	case PROTOCOL_CANCEL:
		request = request_find(session, message->head.serial);
		if (request)
			request_cancel(request);
		return;
	case PROTOCOL_PRIORITY:
		request = request_find(session, message->head.serial);
		if (request)
			request_set_priority(request, message->priority.priority);
		return;
	case PROTOCOL_PIN:
		on_pin(session, &message->slot);
		return;
	case PROTOCOL_RELEASE:
		give_back_slot(session, message->slot.slot, message->slot.told);
		return;
	case PROTOCOL_NUDGE:
		on_nudge(session, &message->slot);
		return;
	case PROTOCOL_STAT:
		on_stat(session, message->head.serial);
		return;
	case PROTOCOL_TRIM:
		server_trim(session->server, session, message->head.serial, message->trim.bytes);
		return;
	default: /* a message that only producers send */
		for (size_t i = 0; i < count; i++)
			files_close(session->server->files, fds[i]);
		session_drop(session, -EPROTO, "not a consumer's message");
	}
}

static void on_received(struct session *session, const union protocol_any *message,
	struct message_received *received, int lost)
{
	if (received->length > 0)
		on_message(session, message, received->fds, received->count);
	else if (received->length == -EMFILE)
		on_message(session, message, &lost, 1);
	else if (received->length == -EPROTO)
		session_drop(session, -EPROTO, "not a message");
	else
		session_leave(session);
}

/* What stands in the place of descriptors that were lost, because there was no place for them. Can
 * they be had if the messages are sent again? Way is made once for all of them: one of the things
 * that are given up may free hundreds. */
static int lost_for(
	struct server *server, const struct message_received received[MESSAGE_BATCH_MAX], int count)
{
	for (int i = 0; i < count; i++)
		if (received[i].length == -EMFILE)
			return server_make_way(server, -EMFILE) ? -EAGAIN : -EMFILE;
	return -EMFILE;
}

/* All that is there by one system call, which is the one that says that there is no more. */
static void read_messages(struct session *session)
{
	union protocol_any messages[MESSAGE_BATCH_MAX];
	struct message_received received[MESSAGE_BATCH_MAX];
	for (int turn = 0; turn < BATCHES_A_TURN && !session->doomed; turn++) {
		int count =
			protocol_receive_batch(session->fd, messages, received, MESSAGE_BATCH_MAX);
		if (count < 0 && count != -EAGAIN)
			session_leave(session);
		int lost = lost_for(session->server, received, count);
		for (int i = 0; i < count; i++)
			on_received(session, &messages[i], &received[i], lost);
		if (count < MESSAGE_BATCH_MAX)
			return;
	}
}

static void socket_ready(struct loop_watch *watch, uint32_t events)
{
	struct session *session = CONTAINER_OF(watch, struct session, socket);
	if (events & EPOLLOUT && !session->doomed)
		send_queued(session);
	if (events & EPOLLIN && !session->doomed)
		read_messages(session);
	if (events & (EPOLLHUP | EPOLLERR) || (session->dropped && events & EPOLLRDHUP))
		session_leave(session);
}
