/* A best-fit allocator of offsets. Pieces stand in a list by address (for merging), the free ones
 * also in a treap by size and address (for the best fit), those given out also in a hash table by
 * address (for free). */
#include "common/memory_dealer.h"

#include "common/util.h"

struct piece {
	size_t offset, size;
	struct piece *before, *after; /* neighbours by address */
	struct piece *left, *right; /* free: children in the treap; given out: right is the next of
				       the hash bucket */
	uint32_t priority;          /* of the treap; a parent's is at least its children's */
	bool taken;
};

struct memory_dealer {
	size_t capacity, used;
	size_t taken_pieces, free_pieces;
	struct piece *first;
	struct piece *free_root;
	struct piece **buckets; /* a power of two */
	size_t bucket_count;
	uint32_t random;
};

enum { BUCKETS_AT_FIRST = 64 };

static bool before_in_size(const struct piece *a, const struct piece *b)
{
	return a->size != b->size ? a->size < b->size : a->offset < b->offset;
}

/* Marsaglia's xorshift: the treap needs no secret, only no pattern. */
static uint32_t next_random(struct memory_dealer *dealer)
{
	dealer->random ^= dealer->random << 13;
	dealer->random ^= dealer->random >> 17;
	dealer->random ^= dealer->random << 5;
	return dealer->random;
}

/* Cuts a treap into what comes before @piece and what comes after it. */
static void split(struct piece *root, const struct piece *piece, struct piece **ret_left,
	struct piece **ret_right)
{
	while (root) {
		if (before_in_size(root, piece)) {
			*ret_left = root;
			ret_left = &root->right;
			root = root->right;
		} else {
			*ret_right = root;
			ret_right = &root->left;
			root = root->left;
		}
	}
	*ret_left = NULL;
	*ret_right = NULL;
}

static struct piece *join(struct piece *left, struct piece *right)
{
	struct piece *root = NULL, **at = &root;
	while (left && right) {
		if (left->priority >= right->priority) {
			*at = left;
			at = &left->right;
			left = left->right;
		} else {
			*at = right;
			at = &right->left;
			right = right->left;
		}
	}
	*at = left ? left : right;
	return root;
}

static void free_insert(struct memory_dealer *dealer, struct piece *piece)
{
	struct piece **at = &dealer->free_root;
	piece->taken = false;
	piece->priority = next_random(dealer);
	while (*at && (*at)->priority >= piece->priority)
		at = before_in_size(*at, piece) ? &(*at)->right : &(*at)->left;
	split(*at, piece, &piece->left, &piece->right);
	*at = piece;
	dealer->free_pieces++;
}

static void free_remove(struct memory_dealer *dealer, struct piece *piece)
{
	struct piece **at = &dealer->free_root;
	while (*at != piece)
		at = before_in_size(*at, piece) ? &(*at)->right : &(*at)->left;
	*at = join(piece->left, piece->right);
	dealer->free_pieces--;
}

static size_t lead(const struct piece *piece, unsigned flags)
{
	return flags & MEMORY_DEALER_PAGE_ALIGNED ? -piece->offset & (page_bytes() - 1) : 0;
}

/* The first in the treap's order that has room for @size behind its lead. */
static struct piece *best_fit(struct piece *root, size_t size, unsigned flags)
{
	while (root && root->size < size)
		root = root->right;
	if (!root)
		return NULL;
	struct piece *smaller = best_fit(root->left, size, flags);
	if (smaller)
		return smaller;
	if (root->size - size >= lead(root, flags))
		return root;
	return best_fit(root->right, size, flags);
}

static struct piece **bucket(const struct memory_dealer *dealer, size_t offset)
{
	uint64_t hash = (uint64_t)(offset / MEMORY_DEALER_UNIT) * UINT64_C(0x9e3779b97f4a7c15);
	return &dealer->buckets[(hash >> 32) & (dealer->bucket_count - 1)];
}

static struct piece *taken_find(const struct memory_dealer *dealer, size_t offset)
{
	struct piece *piece = *bucket(dealer, offset);
	while (piece && piece->offset != offset)
		piece = piece->right;
	return piece;
}

static void taken_link(struct memory_dealer *dealer, struct piece *piece)
{
	struct piece **head = bucket(dealer, piece->offset);
	piece->right = *head;
	*head = piece;
}

/* Without memory for a larger table the old one still works, with longer chains. */
static void taken_grow(struct memory_dealer *dealer)
{
	size_t old_count = dealer->bucket_count;
	struct piece **old = dealer->buckets;
	struct piece **larger = calloc(old_count * 2, sizeof(*larger));
	if (!larger)
		return;
	dealer->buckets = larger;
	dealer->bucket_count = old_count * 2;
	for (size_t i = 0; i < old_count; i++) {
		for (struct piece *piece = old[i], *next; piece; piece = next) {
			next = piece->right;
			taken_link(dealer, piece);
		}
	}
	free(old);
}

static void taken_insert(struct memory_dealer *dealer, struct piece *piece)
{
	if (dealer->taken_pieces >= dealer->bucket_count)
		taken_grow(dealer);
	piece->taken = true;
	taken_link(dealer, piece);
	dealer->taken_pieces++;
	dealer->used += piece->size;
}

static void taken_remove(struct memory_dealer *dealer, struct piece *piece)
{
	struct piece **at = bucket(dealer, piece->offset);
	while (*at != piece)
		at = &(*at)->right;
	*at = piece->right;
	dealer->taken_pieces--;
	dealer->used -= piece->size;
}

/* Shortens @piece to @size; @rest, linked behind it, becomes the remainder. Neither may be in an
 * index. */
static void cut(struct piece *piece, size_t size, struct piece *rest)
{
	*rest = (struct piece){
		.offset = piece->offset + size,
		.size = piece->size - size,
		.before = piece,
		.after = piece->after,
	};
	if (rest->after)
		rest->after->before = rest;
	piece->after = rest;
	piece->size = size;
}

/* Makes @piece cover its successor too, and frees that. Neither may be in an index. */
static void swallow_next(struct piece *piece)
{
	struct piece *next = piece->after;
	piece->size += next->size;
	piece->after = next->after;
	if (piece->after)
		piece->after->before = piece;
	free(next);
}

int memory_dealer_create(size_t size, struct memory_dealer **ret)
{
	uint64_t capacity;
	if (size == 0)
		return -EINVAL;
	if (!page_round_up(size, &capacity) || capacity > SIZE_MAX)
		return -EOVERFLOW;
	CLEANUP(free_p) struct memory_dealer *dealer = calloc(1, sizeof(*dealer));
	CLEANUP(free_p) struct piece *whole = calloc(1, sizeof(*whole));
	CLEANUP(free_p) struct piece **buckets = calloc(BUCKETS_AT_FIRST, sizeof(struct piece *));
	if (!dealer || !whole || !buckets)
		return -ENOMEM;
	dealer->capacity = (size_t)capacity;
	dealer->random = 2463534242u; /* any but 0 */
	dealer->bucket_count = BUCKETS_AT_FIRST;
	dealer->buckets = take_ptr(&buckets);
	whole->size = dealer->capacity;
	free_insert(dealer, whole);
	dealer->first = take_ptr(&whole);
	*ret = take_ptr(&dealer);
	return 0;
}

void memory_dealer_destroy(struct memory_dealer *dealer)
{
	if (!dealer)
		return;
	for (struct piece *piece = dealer->first, *next; piece; piece = next) {
		next = piece->after;
		free(piece);
	}
	free(dealer->buckets);
	free(dealer);
}

int memory_dealer_allocate(
	struct memory_dealer *dealer, size_t size, unsigned flags, size_t *ret_offset)
{
	uint64_t rounded;
	if (size == 0 || (flags & ~(unsigned)MEMORY_DEALER_PAGE_ALIGNED))
		return -EINVAL;
	if (!round_up_to(size, MEMORY_DEALER_UNIT, &rounded) || rounded > SIZE_MAX)
		return -ENOMEM;
	size = (size_t)rounded;
	struct piece *piece = best_fit(dealer->free_root, size, flags);
	if (!piece)
		return -ENOMEM;
	size_t skip = lead(piece, flags);
	CLEANUP(free_p)
	struct piece *rest = piece->size - skip > size ? calloc(1, sizeof(*rest)) : NULL;
	CLEANUP(free_p) struct piece *aligned = skip > 0 ? calloc(1, sizeof(*aligned)) : NULL;
	if ((piece->size - skip > size && !rest) || (skip > 0 && !aligned))
		return -ENOMEM;
	free_remove(dealer, piece);
	if (skip > 0) {
		cut(piece, skip, aligned);
		free_insert(dealer, piece);
		piece = take_ptr(&aligned);
	}
	if (rest) {
		cut(piece, size, rest);
		free_insert(dealer, take_ptr(&rest));
	}
	taken_insert(dealer, piece);
	*ret_offset = piece->offset;
	return 0;
}

int memory_dealer_take_back(
	struct memory_dealer *dealer, size_t offset, size_t *ret_start, size_t *ret_end)
{
	struct piece *piece = taken_find(dealer, offset);
	if (!piece)
		return -ENOENT;
	taken_remove(dealer, piece);
	if (piece->after && !piece->after->taken) {
		free_remove(dealer, piece->after);
		swallow_next(piece);
	}
	if (piece->before && !piece->before->taken) {
		piece = piece->before;
		free_remove(dealer, piece);
		swallow_next(piece);
	}
	free_insert(dealer, piece);
	*ret_start = piece->offset;
	*ret_end = piece->offset + piece->size;
	return 0;
}

int memory_dealer_free(struct memory_dealer *dealer, size_t offset)
{
	size_t start, end;
	return memory_dealer_take_back(dealer, offset, &start, &end);
}

size_t memory_dealer_size(const struct memory_dealer *dealer, size_t offset)
{
	const struct piece *piece = taken_find(dealer, offset);
	return piece ? piece->size : 0;
}

size_t memory_dealer_capacity(const struct memory_dealer *dealer)
{
	return dealer->capacity;
}

size_t memory_dealer_used(const struct memory_dealer *dealer)
{
	return dealer->used;
}

size_t memory_dealer_largest(const struct memory_dealer *dealer)
{
	const struct piece *piece = dealer->free_root;
	while (piece && piece->right)
		piece = piece->right;
	return piece ? piece->size : 0;
}

size_t memory_dealer_free_pieces(const struct memory_dealer *dealer)
{
	return dealer->free_pieces;
}

static void visit_all(
	const struct piece *root, void (*visit)(size_t offset, size_t size, void *user), void *user)
{
	for (; root; root = root->right) {
		visit_all(root->left, visit, user);
		visit(root->offset, root->size, user);
	}
}

void memory_dealer_each_free(const struct memory_dealer *dealer,
	void (*visit)(size_t offset, size_t size, void *user), void *user)
{
	visit_all(dealer->free_root, visit, user);
}
