/* common/huge_pages.h - does this system give huge pages to shared memory? */
#ifndef COMMON_HUGE_PAGES_H
#define COMMON_HUGE_PAGES_H

#include <stddef.h>

#define HUGE_PAGES_FOLDER "/sys/kernel/mm/transparent_hugepage"
#define HUGE_PAGES_WORD_MAX 32

enum huge_pages {
	HUGE_PAGES_NONE,    /* or the kernel knows none */
	HUGE_PAGES_ADVISED, /* where a mapping covers a whole one and asks for it */
	HUGE_PAGES_ALWAYS,  /* also where the file only reaches over a whole one */
};

struct huge_pages_setting {
	enum huge_pages pages;
	char word[HUGE_PAGES_WORD_MAX]; /* "never", "advise", …; empty: the kernel knows none of
				       this size */
	/* The file that says so, below the folder: the one of this size of page, unless that leaves
	 * it to the one for all sizes. */
	const char *file;
};

/* By what @folder (HUGE_PAGES_FOLDER) says now, of huge pages of MURAL_HUGE_PAGE_SIZE. */
struct huge_pages_setting huge_pages_of_shared_memory(const char *folder);

#endif
