/* cli/doctor.h - one look at one thing of this machine. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <mural/mural_types.h>
#include <stdbool.h>
#include <stddef.h>

enum finding_state {
	FINDING_OK,
	FINDING_NOTE,    /* it works, and could work better */
	FINDING_PROBLEM, /* pictures will not be shown */
};

#define FINDING_TEXT_MAX 400

struct finding {
	enum finding_state state;
	char text[FINDING_TEXT_MAX];   /* what is */
	char advice[FINDING_TEXT_MAX]; /* what to do; empty: nothing */
};

/* What the checks may look at besides the machine. */
struct doctor {
	int connected;            /* 0: a producer runs and has answered; else mural_open's error */
	struct mural_stats stats; /* when connected == 0 */
};

typedef void check_fn(const struct doctor *doctor, struct finding *finding);

/* doctor_kernel.c: what the kernel offers */
check_fn check_memfd, check_ashmem, check_seccomp, check_landlock, check_noexec;
/* doctor_memory.c: memory and its limits */
check_fn check_memory, check_cgroup, check_descriptors;
/* doctor_huge.c: fills and gives back some memory, for a tenth of a second (fill_cost.h) */
check_fn check_huge_pages;
/* doctor_pressure.c: what memory is watched by */
check_fn check_pressure;
/* doctor_mural.c: the parts of Mural */
check_fn check_runtime_folder, check_program, check_producer, check_thrashing;

void finding_set(struct finding *finding, enum finding_state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void finding_advise(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The first line of a small file, without its end. False: it cannot be read. */
bool read_line(const char *path, char *ret, size_t size);

#endif
