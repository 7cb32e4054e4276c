/* A decode before there is a picture, so that the first one finds the code and the heap in place.
 */
#ifndef WORKER_REHEARSAL_H
#define WORKER_REHEARSAL_H

#include <stdbool.h>

/* In the nursery: a file with a tiny JPEG of our own; the caller owns it. -errno. */
int rehearsal_file(void);

/* In a decoder: decodes it. False: that failed, and the first picture takes longer. */
bool rehearse(int file);

#endif
