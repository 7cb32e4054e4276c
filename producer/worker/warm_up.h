/* What a waiting decoder can do so that its job finds the process warm. */
#ifndef WORKER_WARM_UP_H
#define WORKER_WARM_UP_H

/* Brings the program's and its libraries' pages, and a first piece of heap, into this process's page tables: after a fork each
 * would cost a page fault while somebody waits for the picture. Where the kernel does not know how (before 5.14) it does
 * nothing. */
void warm_up(void);

#endif
