/* common/death_point.h - numbered steps at which a test can kill the process, to prove that others
 * can go on.
 *
 * Each death_point() that is passed counts; when mural_death_step of them have been, the process
 * kills itself with SIGKILL, as the OOM killer would. Only in builds with MURAL_DEATH_POINTS;
 * otherwise nothing is compiled. */
#ifndef COMMON_DEATH_POINT_H
#define COMMON_DEATH_POINT_H

#if defined(MURAL_DEATH_POINTS)

#include <signal.h>
#include <unistd.h>

extern _Atomic long mural_death_step; /* 0: live on */

static inline void death_point(void)
{
	if (mural_death_step > 0 && --mural_death_step == 0)
		kill(getpid(), SIGKILL);
}

#else

static inline void death_point(void) {}

#endif
#endif
