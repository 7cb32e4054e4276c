/* The memory of a decoder's window, made before it is written: by trusted code, before the sandbox
 * closes, since the call that does it is refused afterwards. */
#ifndef WORKER_WINDOW_PAGES_H
#define WORKER_WINDOW_PAGES_H

#include "window.h"

#include "producer/team.h"

#include <stdbool.h>

/* As huge pages, with the help of one of @team, which has nothing to do (NULL: nobody). False: they
 * were not to be had, or not soon (common/collapse.h). */
bool window_collapse(const struct window *window, struct team *team);

#endif
