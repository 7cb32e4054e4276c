/* Which slot a bitmap is bound to, and who of several bitmaps of one slot is pinned in which way.
 *
 * The board has one count a slot. The first bitmap of a slot is pinned without the lock, through
 * its binding; its pins are the cell's count less the pins of the others, which are counted one by
 * one, under the lock. Two bitmaps of one slot in one connection (the same picture asked for twice)
 * are rare enough for that. */
#include "bitmap.h"

#include <string.h>

static struct mural_bitmap *of_slot_link(struct list *link)
{
	return CONTAINER_OF(link, struct mural_bitmap, slot_link);
}

static struct mural_bitmap *first_of(const struct epoch_slot *slot)
{
	return list_empty(&slot->bitmaps) ? NULL : of_slot_link(slot->bitmaps.next);
}

static bool is_first(const struct mural_bitmap *bitmap)
{
	return bitmap->epoch && bitmap->slot->bitmaps.next == &bitmap->slot_link;
}

struct mural_bitmap *bitmap_first(const struct mural_bitmap *bitmap)
{
	return first_of(bitmap->slot);
}

struct mural_bitmap *bitmap_new(struct mural *mural, const struct mural_request *request)
{
	struct mural_bitmap *bitmap = calloc(1, sizeof(*bitmap));
	if (!bitmap)
		return NULL;
	bitmap->process = mural->process;
	bitmap->mural = mural;
	bitmap->refs = 1;
	bitmap->source.fd = -1;
	bitmap->opened = -1;
	bitmap->request.kind = PENDING_REQUEST;
	bitmap->pin.kind = PENDING_PIN;
	bitmap->on_event = request->on_event;
	bitmap->user = request->user;
	list_init(&bitmap->link);
	list_init(&bitmap->ended);
	list_init(&bitmap->pinnable);
	list_init(&bitmap->slot_link);
	list_init(&bitmap->region_link);
	return bitmap;
}

/* ---- slots ---- */

static void show_visible(struct epoch *epoch, const struct epoch_slot *slot)
{
	board_show(epoch->hull->pins, slot->number, slot->visible > 0);
}

void bitmap_show(struct mural_bitmap *bitmap, bool visible)
{
	if (bitmap->visible == visible)
		return;
	bitmap->visible = visible;
	if (!bitmap->epoch)
		return;
	bitmap->slot->visible += visible ? 1u : -1u;
	show_visible(bitmap->epoch, bitmap->slot);
}

static void drop_slot(struct mural *mural, struct epoch *epoch, struct epoch_slot *slot)
{
	uint32_t number = slot->number;
	uint64_t generation = slot->generation;
	uint32_t told = 0;
	if (epoch_drop_slot(epoch, slot, &told) && epoch->live)
		mural_post_slot(mural, PROTOCOL_RELEASE, 0, number, generation, told);
}

static uint32_t pins_of_others(const struct epoch_slot *slot, const struct mural_bitmap *but)
{
	uint32_t pins = 0;
	list_for_each (link, &slot->bitmaps)
		if (of_slot_link(link) != but)
			pins += of_slot_link(link)->pins;
	return pins;
}

static void publish(struct mural_bitmap *bitmap)
{
	const struct hull *hull = bitmap->epoch->hull;
	binding_publish(&bitmap->binding, hull->table, hull->pins, bitmap->slot->number,
		bitmap->generation, pins_of_others(bitmap->slot, bitmap));
	bitmap->pins = 0;
}

static void let_go_of_region(struct mural_bitmap *bitmap)
{
	list_remove(&bitmap->region_link);
	region_unref(bitmap->region);
	bitmap->region = NULL;
}

/* The rest of leaving, when no pin of this bitmap is left on the board. */
static void leave(struct mural_bitmap *bitmap, bool was_first)
{
	struct epoch *epoch = bitmap->epoch;
	struct epoch_slot *slot = bitmap->slot;
	list_remove(&bitmap->slot_link);
	bitmap->pins = 0;
	if (bitmap->visible) {
		slot->visible--;
		show_visible(epoch, slot);
	}
	bitmap->epoch = NULL;
	bitmap->slot = NULL;
	let_go_of_region(bitmap);
	if (was_first && first_of(slot))
		publish(first_of(slot));
	drop_slot(bitmap->mural, epoch, slot);
	epoch->bound--;
}

bool bitmap_unbind(struct mural_bitmap *bitmap)
{
	if (!bitmap->epoch)
		return true;
	bool first = is_first(bitmap);
	if (first ? !binding_withdraw(&bitmap->binding) : bitmap->pins > 0)
		return false;
	leave(bitmap, first);
	return true;
}

void bitmap_abandon(struct mural_bitmap *bitmap)
{
	if (!bitmap->epoch)
		return;
	bool first = is_first(bitmap);
	struct hull *hull = bitmap->epoch->hull;
	uint32_t number = bitmap->slot->number;
	uint32_t pins = first ? binding_abandon(&bitmap->binding) : bitmap->pins;
	if (!first && first_of(bitmap->slot))
		atomic_fetch_sub_explicit(
			&first_of(bitmap->slot)->binding.others, pins, memory_order_relaxed);
	bool nudge = false;
	for (; pins > 0; pins--)
		nudge = board_unpin(hull->table, hull->pins, number);
	if (nudge && bitmap->epoch->live)
		mural_post_slot(bitmap->mural, PROTOCOL_NUDGE, 0, number, bitmap->generation, 0);
	leave(bitmap, first);
}

bool bitmap_is_alive(const struct mural_bitmap *bitmap)
{
	return bitmap->epoch && binding_is_alive(bitmap->epoch->hull->table, bitmap->slot->number,
					bitmap->generation);
}

void bitmap_drop_region(struct mural_bitmap *bitmap)
{
	/* The slot stays known, so that the producer remembers what was purged. */
	if (!bitmap_is_alive(bitmap))
		let_go_of_region(bitmap);
	else
		bitmap_unbind(bitmap);
}

bool bitmap_is_pinned(const struct mural_bitmap *bitmap)
{
	if (!bitmap->epoch)
		return false;
	return is_first(bitmap) ? binding_is_held(&bitmap->binding) : bitmap->pins > 0;
}

void bitmap_refuse(struct mural *mural, const struct protocol_ready *ready)
{
	struct epoch_slot *slot = map_find(&mural->epoch->slots, ready->slot);
	if (slot)
		slot->told++; /* given back with the last bitmap of the slot */
	else
		mural_post_slot(mural, PROTOCOL_RELEASE, 0, ready->slot, ready->generation, 1);
}

/* ---- binding ---- */

static bool is_bound_to(
	const struct mural_bitmap *bitmap, const struct epoch_slot *slot, uint64_t generation)
{
	return bitmap->epoch == bitmap->mural->epoch && bitmap->slot == slot &&
	       bitmap->generation == generation;
}

static void fill_view(struct mural_bitmap *bitmap, const struct protocol_ready *ready,
	const struct region *region)
{
	bitmap->binding.view = (struct mural_view){
		.pixels = (const unsigned char *)region->memory + ready->offset,
		.width = ready->width,
		.height = ready->height,
		.stride_bytes = ready->stride_bytes,
		.format = ready->format,
		.flags = ready->flags,
		.source_width = ready->source_width,
		.source_height = ready->source_height,
		.generation = ++bitmap->mural->generations,
	};
}

/* @slot is held for this bitmap. */
static void enter(struct mural_bitmap *bitmap, struct epoch_slot *slot,
	const struct protocol_ready *ready, struct region *region)
{
	bitmap->epoch = bitmap->mural->epoch;
	bitmap->epoch->bound++;
	bitmap->slot = slot;
	bitmap->region = region_ref(region);
	list_append(&region->bitmaps, &bitmap->region_link);
	bitmap->generation = ready->generation;
	fill_view(bitmap, ready, region);
	list_append(&slot->bitmaps, &bitmap->slot_link);
	if (bitmap->visible) {
		slot->visible++;
		show_visible(bitmap->epoch, slot);
	}
	if (is_first(bitmap))
		publish(bitmap);
}

int bitmap_bind(
	struct mural_bitmap *bitmap, const struct protocol_ready *ready, struct region *region)
{
	struct mural *mural = bitmap->mural;
	/* Held before the old place is let go: it may be the same slot, which must not be released
	 * in between. */
	struct epoch_slot *slot = epoch_hold_slot(mural->epoch, ready->slot, ready->generation);
	if (!slot)
		return -ENOMEM;
	if (is_bound_to(bitmap, slot, ready->generation) || !bitmap_unbind(bitmap)) {
		drop_slot(mural, mural->epoch, slot);
		return 0;
	}
	enter(bitmap, slot, ready, region);
	return 0;
}
