/* common/object_lock.h - the one lock of the lists that the objects keep for the whole process.
 *
 * Held for a few instructions only. It is taken around fork, so that a child never inherits it from
 * a thread which it has not got. */
#ifndef COMMON_OBJECT_LOCK_H
#define COMMON_OBJECT_LOCK_H

void object_lock(void);
void object_unlock(void);

#endif
