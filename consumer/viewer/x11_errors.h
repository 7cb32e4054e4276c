/* x11_errors.h - messages to a window that has gone.
 *
 * SDL wakes a thread that waits for events by a message to its window, which it sends over an X
 * connection of its own. The server may hear of the window's end first: then the message is an
 * error, of which Xlib tells when the connection is closed, and which ends the program with 1 after
 * all is done. */
#ifndef VIEWER_X11_ERRORS_H
#define VIEWER_X11_ERRORS_H

/* Before SDL's start, which keeps the handler that there is and puts it back at its end, before it
 * closes its connections: from now on such an error is none. All others are what they were. Nothing
 * where SDL is not to use X, or this was built without Xlib's headers. */
void x11_errors_forgive_late_messages(void);

#endif
