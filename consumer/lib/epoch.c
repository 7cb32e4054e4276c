/* Who owns what of a session with a producer; nothing here talks to it. */
#include "epoch.h"

int epoch_create(struct list *spare_hulls, int table_fd, int pins_fd,
	const struct board_instance *instance, int socket, struct epoch **ret)
{
	struct hull *hull = NULL;
	int r = hull_fill(spare_hulls, table_fd, pins_fd, instance, &hull);
	if (r < 0)
		return r;
	struct epoch *epoch = malloc(sizeof(*epoch));
	if (!epoch) {
		hull_empty(hull, spare_hulls);
		return -ENOMEM;
	}
	*epoch =
		(struct epoch){.instance = *instance, .hull = hull, .socket = socket, .live = true};
	list_init(&epoch->link);
	*ret = epoch;
	return 0;
}

static void drop_region(void *region)
{
	region_unref(region);
}

void epoch_free(struct epoch *epoch, struct list *spare_hulls)
{
	if (!epoch)
		return;
	map_fini(&epoch->regions, drop_region);
	map_fini(&epoch->slots, free);
	hull_empty(epoch->hull, spare_hulls);
	list_remove(&epoch->link);
	close_p(&epoch->socket);
	free(epoch);
}

int epoch_add_region(struct epoch *epoch, uint64_t id, uint64_t size, int fd)
{
	struct region *region = NULL;
	if (map_find(&epoch->regions, id))
		return -EEXIST;
	int r = region_import(id, fd, size, &region);
	if (r < 0)
		return r;
	r = map_insert(&epoch->regions, id, region);
	if (r < 0)
		region_unref(region);
	return r;
}

void epoch_forget_region(struct epoch *epoch, struct region *region)
{
	map_remove(&epoch->regions, region->id);
	region_unref(region);
}

static struct epoch_slot *add_slot(struct epoch *epoch, uint32_t number)
{
	struct epoch_slot *slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NULL;
	slot->number = number;
	list_init(&slot->bitmaps);
	if (map_insert(&epoch->slots, number, slot) < 0) {
		free(slot);
		return NULL;
	}
	return slot;
}

struct epoch_slot *epoch_hold_slot(struct epoch *epoch, uint32_t number, uint64_t generation)
{
	struct epoch_slot *slot = map_find(&epoch->slots, number);
	if (!slot)
		slot = add_slot(epoch, number);
	if (!slot)
		return NULL;
	slot->generation = generation;
	slot->told++;
	slot->holds++;
	return slot;
}

bool epoch_drop_slot(struct epoch *epoch, struct epoch_slot *slot, uint32_t *ret_told)
{
	if (--slot->holds > 0)
		return false;
	*ret_told = slot->told;
	map_remove(&epoch->slots, slot->number);
	free(slot);
	return true;
}
