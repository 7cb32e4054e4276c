/* assets/scenes.h - the pictures, each as a function from a place to its colour; each stands in a
 * file of its own. x runs from 0 to width / height, y from 0 (top) to 1; results are linear light.
 * See struct scene for the rules.
 *
 * Some need something made beforehand: scene_NAME_prepare makes it, and it is the state that
 * scene_NAME must be given. The others take no state. */
#ifndef MURAL_ASSETS_SCENES_H
#define MURAL_ASSETS_SCENES_H

#include "picture.h"

/* A lake under mountains with a letter F, an arrow that points up and stripes of pure colour:
 * whatever a decoder turns, mirrors or smears can be seen. Made for pictures 1.5 times as wide as
 * high. */
struct vec3 scene_card(const void *state, double x, double y);

/* How opaque scene_card is where it is shown with alpha: a disc with a soft edge and a veil of
 * half. In [0, 1]. */
double scene_card_alpha(double x, double y);

void *scene_mountains_prepare(void); /* a struct terrain */
struct vec3 scene_mountains(const void *state, double x, double y);
struct vec3 scene_sea(const void *state, double x, double y);
struct vec3 scene_mandelbrot(const void *state, double x, double y);
struct vec3 scene_julia(const void *state, double x, double y);
struct vec3 scene_spheres(const void *state, double x, double y);
struct vec3 scene_aurora(const void *state, double x, double y);
struct vec3 scene_nebula(const void *state, double x, double y);
struct vec3 scene_forest(const void *state, double x, double y);

void *scene_dunes_prepare(void); /* a struct terrain */
struct vec3 scene_dunes(const void *state, double x, double y);

struct vec3 scene_planet(const void *state, double x, double y);
double scene_planet_alpha(const void *state, double x, double y);

struct vec3 scene_map(const void *state, double x, double y);
struct vec3 scene_guilloche(const void *state, double x, double y);

void *scene_attractor_prepare(void); /* from malloc; the picture is square */
struct vec3 scene_attractor(const void *state, double x, double y);

#endif
