/* assets/scenes.h - the pictures, each as a function from a place to its colour. Each stands in a
 * file of its own. x runs from 0 to width / height, y from 0 (top) to 1; results are linear light.
 * See struct scene for the rules. */
#ifndef MURAL_ASSETS_SCENES_H
#define MURAL_ASSETS_SCENES_H

#include "picture.h"

/* A lake under mountains with a letter F, an arrow that points up and stripes of pure colour:
 * whatever a decoder turns, mirrors or smears can be seen. Made for pictures 1.5 times as wide as
 * high. No state. */
struct vec3 scene_card(const void *state, double x, double y);

/* How opaque scene_card is where it is shown with alpha: a disc with a soft edge and a veil of
 * half. In [0, 1]. */
double scene_card_alpha(double x, double y);

#endif
