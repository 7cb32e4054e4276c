/* See fake_producer.h. */
#include "support/fake_producer.h"

#include "common/shared_file.h"
#include "common/util.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#define WAIT_MS 60000 /* only a hang is to meet it */

static void need(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fake producer: %s: %s\n", what, strerror(errno));
	abort();
}

/* ---- life ---- */

void fake_listen(struct fake *fake)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake->path);
	unlink(fake->path);
	fake->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	need(fake->listener >= 0, "socket");
	need(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
	need(listen(fake->listener, 8) == 0, "listen");
}

void fake_init(struct fake *fake)
{
	*fake = (struct fake){
		.listener = -1,
		.peer = -1,
		.table_fd = -1,
		.pins_fd = -1,
		.requests_max = 64,
		.version = PROTOCOL_VERSION,
	};
	strcpy(fake->folder, "/tmp/mural-fake-XXXXXX");
	need(mkdtemp(fake->folder) != NULL, "mkdtemp");
	snprintf(fake->path, sizeof(fake->path), "%s/socket", fake->folder);
	setenv("MURAL_SOCKET", fake->path, 1);
	fake_listen(fake);
}

static void drop_tables(struct fake *fake)
{
	board_unmap_table(fake->table);
	board_unmap_pins(fake->pins);
	close_p(&fake->table_fd);
	close_p(&fake->pins_fd);
	fake->table = NULL;
	fake->pins = NULL;
	fake->table_fd = fake->pins_fd = -1;
}

static void drop(int *fd)
{
	close_p(fd);
	*fd = -1;
}

void fake_fini(struct fake *fake)
{
	char lock[96];
	fake_die(fake, false);
	snprintf(lock, sizeof(lock), "%s.lock", fake->path);
	unlink(lock);
	unlink(fake->path);
	rmdir(fake->folder);
}

void fake_die(struct fake *fake, bool listening)
{
	drop(&fake->peer);
	if (!listening)
		drop(&fake->listener);
	drop_tables(fake);
	fake->untold_count = 0;
}

static bool await(int fd, short events)
{
	struct pollfd poller = {.fd = fd, .events = events};
	return poll(&poller, 1, WAIT_MS) == 1;
}

void fake_accept_silently(struct fake *fake)
{
	need(await(fake->listener, POLLIN), "nobody connects");
	fake->peer = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);
	need(fake->peer >= 0, "accept");
	fake->hello = fake_receive(fake, PROTOCOL_HELLO, NULL).hello;
}

void fake_greet(struct fake *fake)
{
	drop_tables(fake);
	need(getrandom(&fake->instance, sizeof(fake->instance), 0) > 0, "getrandom");
	need(board_create_table(&fake->instance, &fake->table_fd, &fake->table) == 0, "table");
	need(board_create_pins(&fake->instance, &fake->pins_fd, &fake->pins) == 0, "pins");
	struct protocol_welcome welcome = {
		.head = {.type = PROTOCOL_WELCOME},
		.version = fake->version,
		.pid = (uint32_t)getpid(),
		.instance = fake->instance,
		.budget_bytes = 1 << 30,
		.requests_max = fake->requests_max,
	};
	int table_fd = shared_file_readonly(fake->table_fd);
	fake_send(fake, &welcome, (int[]){table_fd, fake->pins_fd}, 2);
	close(table_fd);
}

void fake_accept(struct fake *fake)
{
	fake_accept_silently(fake);
	fake_greet(fake);
}

static void *greet(void *fake)
{
	fake_accept(fake);
	return NULL;
}

int fake_open(struct fake *fake, const struct mural_options *options, struct mural **ret)
{
	struct mural_options mine = options ? *options : (struct mural_options){0};
	mine.flags |= MURAL_OPEN_NO_START;
	need(pthread_create(&fake->greeter, NULL, greet, fake) == 0, "thread");
	int r = mural_open(&mine, ret);
	pthread_join(fake->greeter, NULL);
	return r;
}

struct mural *fake_connect(struct fake *fake)
{
	struct mural *mural = NULL;
	int r = fake_open(fake, NULL, &mural);
	errno = -r;
	need(r == 0, "mural_open");
	return mural;
}

/* ---- messages ---- */

union protocol_any fake_receive(struct fake *fake, enum protocol_type type, int *ret_fd)
{
	union protocol_any message;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	need(await(fake->peer, POLLIN), "the consumer says nothing");
	ssize_t length = protocol_receive(fake->peer, &message, fds, &count);
	errno = length < 0 ? (int)-length : 0;
	need(length > 0, "no message");
	if (message.head.type != type) {
		fprintf(stderr, "fake producer: expected a message of type %u, got %u\n", type,
			message.head.type);
		abort();
	}
	if (ret_fd)
		*ret_fd = count > 0 ? fds[0] : -1;
	else
		close_all(fds, count);
	return message;
}

bool fake_is_quiet(struct fake *fake)
{
	struct pollfd poller = {.fd = fake->peer, .events = POLLIN};
	return poll(&poller, 1, 0) == 0;
}

bool fake_is_abandoned(struct fake *fake)
{
	char byte;
	return recv(fake->peer, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void fake_send(struct fake *fake, const void *message, const int *fds, size_t count)
{
	size_t size = protocol_size(((const struct protocol_head *)message)->type);
	int r = message_send(fake->peer, message, size, fds, count);
	errno = -r;
	/* A consumer that left is a result, not a failure of the set-up. */
	need(r == 0 || r == -EPIPE || r == -ECONNRESET, "send");
}

struct fake_region fake_region(struct fake *fake, uint64_t size, unsigned char fill)
{
	struct fake_region region = {.id = ++fake->regions_made, .size = size};
	int fd = shared_file_create("fake-region", size);
	need(fd >= 0, "region");
	region.memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(region.memory != MAP_FAILED, "region");
	memset(region.memory, fill, size);
	region.fd = shared_file_readonly(fd);
	need(region.fd >= 0, "region");
	close(fd);
	need(fake->untold_count < FAKE_UNTOLD_MAX, "too many regions without a bitmap");
	fake->untold[fake->untold_count++] = region;
	return region;
}

void fake_region_fini(struct fake_region *region)
{
	munmap(region->memory, region->size);
	close(region->fd);
}

void fake_region_gone(struct fake *fake, const struct fake_region *region)
{
	struct protocol_region_gone message = {
		.head = {.type = PROTOCOL_REGION_GONE}, .region = region->id};
	fake_send(fake, &message, NULL, 0);
}

struct protocol_ready fake_ready(const struct fake_region *region, uint32_t serial, uint32_t slot,
	uint64_t generation, uint32_t width, uint32_t height)
{
	return (struct protocol_ready){
		.head = {.type = PROTOCOL_READY, .serial = serial},
		.slot = slot,
		.format = MURAL_FORMAT_XRGB8888,
		.generation = generation,
		.region = region->id,
		.width = width,
		.height = height,
		.stride_bytes = width * 4,
		.source_width = width * 2,
		.source_height = height * 2,
		.flags = MURAL_BITMAP_SCALED,
		.identity = {.device = 1,
			.inode = 2,
			.size = 3,
			.mtime_s = 4,
			.mtime_ns = 5,
			.ctime_s = 6,
			.ctime_ns = 7},
	};
}

struct protocol_handover fake_handover(
	const struct fake_region *region, const struct protocol_ready *ready)
{
	struct protocol_handover handover = {.ready = *ready, .region_size = region->size};
	handover.ready.head.type = PROTOCOL_HANDOVER;
	handover.ready.region = region->id;
	return handover;
}

static bool take_untold(struct fake *fake, uint64_t id, struct fake_region *ret)
{
	for (unsigned i = 0; i < fake->untold_count; i++) {
		if (fake->untold[i].id != id)
			continue;
		*ret = fake->untold[i];
		fake->untold[i] = fake->untold[--fake->untold_count];
		return true;
	}
	return false;
}

void fake_send_ready(struct fake *fake, const struct protocol_ready *ready)
{
	struct fake_region region;
	board_set(fake->table, ready->slot, ready->generation, BOARD_READY);
	if (take_untold(fake, ready->region, &region)) {
		struct protocol_handover handover = fake_handover(&region, ready);
		fake_send(fake, &handover, &region.fd, 1);
	} else {
		fake_send(fake, ready, NULL, 0);
	}
}

void fake_send_failed(
	struct fake *fake, uint32_t serial, int error, enum mural_reason reason, const char *text)
{
	struct protocol_failed message = {
		.head = {.type = PROTOCOL_FAILED, .serial = serial},
		.error = error,
		.reason = reason,
	};
	snprintf(message.text, sizeof(message.text), "%s", text);
	fake_send(fake, &message, NULL, 0);
}

void fake_send_pin_answer(
	struct fake *fake, const struct protocol_slot *question, enum protocol_pin_result result)
{
	struct protocol_pin_answer message = {
		.head = {.type = PROTOCOL_PIN_ANSWER, .serial = question->head.serial},
		.slot = question->slot,
		.result = result,
		.generation = question->generation,
	};
	fake_send(fake, &message, NULL, 0);
}

uint32_t fake_pins(const struct fake *fake, uint32_t slot)
{
	return board_count(fake->pins, slot);
}
