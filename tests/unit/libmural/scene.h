/* scene.h - a connection to a fake producer with one bitmap that is ready, where most tests of
 * libmural begin. */
#ifndef LIBMURAL_SCENE_H
#define LIBMURAL_SCENE_H

#include "support/descriptors.h"
#include "support/fake_producer.h"

#include <criterion/criterion.h>

#define SLOT 7
#define WIDTH 16
#define HEIGHT 8

struct scene {
	struct fake fake;
	struct mural *mural;
	struct fake_region region;   /* filled with 0x5a */
	struct mural_bitmap *bitmap; /* ready in SLOT, generation 1 */
	/* events seen */
	unsigned ready, failed, pinnable;
	unsigned reconnected, lost, pressure;
	int value; /* of the last connection's event */
};

/* Only the connection. */
void scene_connect(struct scene *scene);
/* All of it. */
void scene_init(struct scene *scene);
void scene_fini(struct scene *scene);

/* Asks for a file that exists; events are counted in @scene. */
struct mural_bitmap *scene_ask(struct scene *scene);
/* The REQUEST that this sent. */
struct protocol_request scene_request(struct scene *scene);
/* Makes the pending @bitmap ready in @slot, in @scene's region. */
void scene_make_ready(
	struct scene *scene, struct mural_bitmap *bitmap, uint32_t slot, uint64_t generation);

/* Dispatches until @counter (of the scene) has reached @value. */
void scene_until(struct scene *scene, const unsigned *counter, unsigned value);
/* Dispatches what is there, and returns. */
void scene_dispatch(struct scene *scene);

int count_mappings(void);

#endif
