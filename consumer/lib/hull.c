/* Two address ranges that outlive what is mapped there. */
#include "hull.h"

#include <sys/mman.h>

/* Moves a mapping onto an address range that is already ours, replacing what is there in one
 * step. */
static bool move_onto(void *from, size_t size, void *to)
{
	return mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to;
}

static void *writable(const struct board_table *table)
{
	return (void *)(uintptr_t)table;
}

/* Takes over both mappings; on failure they are unmapped. */
static int move_in(struct hull *hull, const struct board_table *table, struct board_pins *pins)
{
	bool moved_table = move_onto(writable(table), sizeof(*table), writable(hull->table));
	bool moved_pins = move_onto(pins, sizeof(*pins), hull->pins);
	if (moved_table && moved_pins)
		return 0;
	if (!moved_table)
		board_unmap_table(table);
	if (!moved_pins)
		board_unmap_pins(pins);
	return -ENOMEM;
}

static int take_spare(struct list *spare, const struct board_table *table, struct board_pins *pins,
	struct hull **ret)
{
	struct hull *hull = CONTAINER_OF(list_take(spare), struct hull, link);
	int r = move_in(hull, table, pins);
	if (r < 0) {
		hull_empty(hull, spare);
		return r;
	}
	*ret = hull;
	return 0;
}

static int make_new(const struct board_table *table, struct board_pins *pins, struct hull **ret)
{
	struct hull *hull = malloc(sizeof(*hull));
	if (!hull) {
		board_unmap_table(table);
		board_unmap_pins(pins);
		return -ENOMEM;
	}
	*hull = (struct hull){.table = table, .pins = pins};
	list_init(&hull->link);
	*ret = hull;
	return 0;
}

static bool one_has_rested(const struct list *spare)
{
	unsigned resting = 0;
	for (const struct list *link = spare->next; link != spare; link = link->next)
		resting++;
	return resting >= HULLS_RESTING;
}

int hull_fill(struct list *spare, int table_fd, int pins_fd, const struct board_instance *instance,
	struct hull **ret)
{
	const struct board_table *table = NULL;
	struct board_pins *pins = NULL;
	int r = board_import_table(table_fd, instance, &table);
	if (r < 0)
		return r;
	r = board_import_pins(pins_fd, instance, &pins);
	if (r < 0) {
		board_unmap_table(table);
		return r;
	}
	return one_has_rested(spare) ? take_spare(spare, table, pins, ret)
				     : make_new(table, pins, ret);
}

/* To ThreadSanitizer a mapping is a write to each of its bytes, which races with a pin that comes
 * too late (hull.h). That it may find either table, or neither, is what hulls are for: all it does
 * there is to count up and down again. So this one mapping is no write. */
#ifdef __SANITIZE_THREAD__
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#else
#define AnnotateIgnoreWritesBegin(file, line)
#define AnnotateIgnoreWritesEnd(file, line)
#endif

static void vacate(void *address, size_t size)
{
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
	void *memory = mmap(address, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
	if (memory != MAP_FAILED) /* otherwise the old table stays there, which wastes memory but
				     harms nobody */
		madvise(memory, size, MADV_DONTFORK);
}

void hull_empty(struct hull *hull, struct list *spare)
{
	vacate(writable(hull->table), sizeof(*hull->table));
	vacate(hull->pins, sizeof(*hull->pins));
	list_append(spare, &hull->link);
}

void hull_free(struct hull *hull)
{
	board_unmap_table(hull->table);
	board_unmap_pins(hull->pins);
	free(hull);
}
