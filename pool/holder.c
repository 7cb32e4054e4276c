/* Boards are looked at only for slots that their holder was told of: reading a page of a board that
 * nobody has written would allocate it. */
#include "holder.h"

#include "pinned.h"
#include "slot.h"

#include "common/protocol.h"
#include "common/util.h"

enum { HOLDERS_STEP = 16 };

static int find_index(struct pool *pool, uint32_t *ret)
{
	uint32_t index = 0;
	while (index < pool->holders_made && pool->holder[index])
		index++;
	if (index == pool->holders_made) {
		struct pool_holder **larger =
			reallocarray(pool->holder, index + HOLDERS_STEP, sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		for (uint32_t i = index; i < index + HOLDERS_STEP; i++)
			larger[i] = NULL;
		pool->holder = larger;
		pool->holders_made += HOLDERS_STEP;
	}
	*ret = index;
	return 0;
}

int pool_holder_create(
	struct pool *pool, uid_t uid, void *user, struct pool_holder **ret, int *ret_fd)
{
	CLEANUP(free_p) struct pool_holder *holder = calloc(1, sizeof(*holder));
	if (!holder)
		return -ENOMEM;
	int r = find_index(pool, &holder->index);
	if (r < 0)
		return r;
	do {
		r = board_create_pins(&pool->options.instance, &holder->fd, &holder->pins);
	} while ((r == -EMFILE || r == -ENFILE) && pool_give_up_descriptors(pool));
	if (r < 0)
		return r;
	r = heads_map(&pool->heads, holder->index, holder->fd);
	if (r < 0) {
		holder_free(take_ptr(&holder));
		return r;
	}
	holder->uid = uid;
	holder->user = user;
	pool->holder[holder->index] = holder;
	*ret_fd = holder->fd;
	*ret = take_ptr(&holder);
	return 0;
}

void *pool_holder_user(const struct pool_holder *holder)
{
	return holder->user;
}

void holder_free(struct pool_holder *holder)
{
	bits_fini(&holder->told);
	bits_fini(&holder->leaving);
	bits_fini(&holder->pinned);
	bits_fini(&holder->visible);
	board_unmap_pins(holder->pins);
	close(holder->fd);
	free(holder);
}

int holder_add(struct pool *pool, struct pool_holder *holder, struct pool_slot *slot)
{
	if (bits_test(&slot->told, holder->index))
		return 0;
	if (pinned_make_space(holder, slot->number) < 0 || bits_set(&slot->told, holder->index) < 0)
		return -ENOMEM;
	if (bits_set(&holder->told, slot->number) < 0) {
		bits_clear(&slot->told, holder->index);
		return -ENOMEM;
	}
	pinned_join(pool, holder, slot);
	return 0;
}

void holder_remove(struct pool *pool, struct pool_holder *holder, struct pool_slot *slot)
{
	if (!bits_test(&slot->told, holder->index))
		return;
	grant_end(slot, holder);
	pinned_part(pool, holder, slot);
	bits_clear(&slot->told, holder->index);
	bits_clear(&holder->told, slot->number);
	bits_clear(&holder->leaving, slot->number);
}

int grant_add(struct pool_slot *slot, struct pool_holder *holder, bool new, uint64_t now_ns)
{
	struct grant *grant = new ? NULL : slot->grants;
	while (grant && grant->holder != holder)
		grant = grant->next;
	if (!grant) {
		grant = calloc(1, sizeof(*grant));
		if (!grant)
			return -ENOMEM;
		grant->holder = holder;
		grant->next = slot->grants;
		slot->grants = grant;
	}
	grant->until_ns = now_ns + PROTOCOL_GRANT_MS * NS_PER_MS;
	grant->last_use_ms = board_last_use_ms(holder->pins, slot->number, UINT64_MAX);
	return 0;
}

void grant_end(struct pool_slot *slot, const struct pool_holder *holder)
{
	for (struct grant **at = &slot->grants; *at;) {
		struct grant *grant = *at;
		if (holder && grant->holder != holder) {
			at = &grant->next;
			continue;
		}
		*at = grant->next;
		free(grant);
	}
}

/* After a look. A consumer that has pinned shows a count, or, when it has unpinned again, another
 * stamp than before. (Within one tick of the coarse clock the stamp may be the same; then the grant
 * lasts to its end.) */
static bool grant_used(const struct grant *grant, uint32_t number)
{
	return bits_test(&grant->holder->pinned, number) ||
	       board_last_use_ms(grant->holder->pins, number, UINT64_MAX) != grant->last_use_ms;
}

uint64_t grant_until(struct pool_slot *slot, uint64_t now_ns)
{
	uint64_t until = 0;
	for (struct grant **at = &slot->grants; *at;) {
		struct grant *grant = *at;
		if (now_ns < grant->until_ns && !grant_used(grant, slot->number)) {
			until = max_u64(until, grant->until_ns);
			at = &grant->next;
			continue;
		}
		*at = grant->next;
		free(grant);
	}
	return until;
}

void holder_misbehaves(struct pool *pool, struct pool_holder *holder)
{
	if (holder->misbehaved)
		return;
	holder->misbehaved = true;
	if (pool->options.events.misbehaved)
		pool->options.events.misbehaved(holder, pool->options.events.user);
}

bool holder_any_pinned(struct pool *pool, const struct pool_slot *slot)
{
	holder_look(pool, slot);
	return slot->pinned_by > 0;
}

void holder_look(struct pool *pool, const struct pool_slot *slot)
{
	struct pool_holder *holder;
	for (uint32_t at = 0; (holder = holder_next(pool, slot, &at));)
		pinned_look(pool, holder, slot->number);
}

int holder_check_quota(struct pool *pool, struct pool_holder *holder, uint64_t bytes)
{
	uint64_t limit = pool->options.holder_pinned_bytes;
	if (!holder)
		return 0;
	pinned_look_at_told(pool, holder);
	return bytes <= limit && holder->pinned_bytes <= limit - bytes ? 0 : -EDQUOT;
}
