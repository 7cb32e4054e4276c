/* pool/pressure/v1_event.h - asking cgroup v1 for events. */
#ifndef POOL_PRESSURE_V1_EVENT_H
#define POOL_PRESSURE_V1_EVENT_H

/* Registers @eventfd through an open cgroup.event_control for what the open file @watched tells of,
 * under @argument. 0 or -errno. */
int v1_event_register(int control, int eventfd, int watched, const char *argument);
/* A new eventfd, or -1. */
int v1_event_fd(void);
/* Takes what has come: how often; 0: nothing. */
unsigned long long v1_event_take(int eventfd);

#endif
