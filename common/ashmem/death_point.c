/* The counter of common/death_point.h, in builds that have it. */
#include "common/death_point.h"

#if defined(MURAL_DEATH_POINTS)
_Atomic long mural_death_step;
#endif
