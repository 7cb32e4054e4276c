/* The sizes and descriptor counts of all messages: the one place that decides what is well-formed.
 */
#include "common/protocol.h"

#include "common/util.h"

static const struct {
	uint16_t type;
	uint16_t descriptors;
	uint32_t size;
} shapes[] = {
	{PROTOCOL_HELLO, 0, sizeof(struct protocol_hello)},
	{PROTOCOL_REQUEST, 1, sizeof(struct protocol_request)},
	{PROTOCOL_CANCEL, 0, sizeof(struct protocol_cancel)},
	{PROTOCOL_PRIORITY, 0, sizeof(struct protocol_priority)},
	{PROTOCOL_PIN, 0, sizeof(struct protocol_slot)},
	{PROTOCOL_RELEASE, 0, sizeof(struct protocol_slot)},
	{PROTOCOL_NUDGE, 0, sizeof(struct protocol_slot)},
	{PROTOCOL_STAT, 0, sizeof(struct protocol_stat)},
	{PROTOCOL_TRIM, 0, sizeof(struct protocol_trim)},
	{PROTOCOL_WELCOME, 2, sizeof(struct protocol_welcome)},
	{PROTOCOL_FAREWELL, 0, sizeof(struct protocol_farewell)},
	{PROTOCOL_HANDOVER, 1, sizeof(struct protocol_handover)},
	{PROTOCOL_REGION_GONE, 0, sizeof(struct protocol_region_gone)},
	{PROTOCOL_READY, 0, sizeof(struct protocol_ready)},
	{PROTOCOL_FAILED, 0, sizeof(struct protocol_failed)},
	{PROTOCOL_PIN_ANSWER, 0, sizeof(struct protocol_pin_answer)},
	{PROTOCOL_STATS, 0, sizeof(struct protocol_stats)},
	{PROTOCOL_TRIMMED, 0, sizeof(struct protocol_trimmed)},
	{PROTOCOL_PRESSURE, 0, sizeof(struct protocol_pressure)},
};

_Static_assert(sizeof(union protocol_any) <= MESSAGE_BYTES_MAX, "every message fits");

size_t protocol_size(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		if (shapes[i].type == type)
			return shapes[i].size;
	return 0;
}

size_t protocol_descriptors(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		if (shapes[i].type == type)
			return shapes[i].descriptors;
	return 0;
}

static bool has_its_size(const union protocol_any *message, size_t bytes)
{
	return bytes >= sizeof(struct protocol_head) && bytes == protocol_size(message->head.type);
}

/* What protocol_receive says of what message_receive has given. */
static ssize_t judge(const union protocol_any *message, ssize_t length, int *fds, size_t *count)
{
	if (length <= 0)
		return length == -EMSGSIZE ? -EPROTO : length;
	if (has_its_size(message, (size_t)length) &&
		*count == protocol_descriptors(message->head.type))
		return length;
	close_all(fds, *count);
	*count = 0;
	return -EPROTO;
}

/* Of one whose descriptors were lost: how many there were nobody knows. */
static ssize_t judge_lost(const union protocol_any *message, size_t bytes)
{
	bool whole = has_its_size(message, bytes) && protocol_descriptors(message->head.type) > 0;
	return whole ? -EMFILE : -EPROTO;
}

ssize_t protocol_receive(
	int socket, union protocol_any *ret_message, int fds[MESSAGE_FDS_MAX], size_t *ret_count)
{
	int received[MESSAGE_FDS_MAX];
	size_t count = 0;
	union protocol_any message;
	ssize_t length = message_receive(socket, &message, sizeof(message), received, &count);
	length = judge(&message, length, received, &count);
	if (length <= 0)
		return length;
	*ret_message = message;
	for (size_t i = 0; i < count; i++)
		fds[i] = received[i];
	*ret_count = count;
	return length;
}

int protocol_receive_batch(int socket, union protocol_any messages[MESSAGE_BATCH_MAX],
	struct message_received received[MESSAGE_BATCH_MAX], unsigned most)
{
	int taken = message_receive_batch(socket, messages, sizeof(*messages), received, most);
	for (int i = 0; i < taken; i++) {
		struct message_received *one = &received[i];
		one->length = one->length == -EMFILE
				      ? judge_lost(&messages[i], one->bytes)
				      : judge(&messages[i], one->length, one->fds, &one->count);
	}
	return taken;
}
