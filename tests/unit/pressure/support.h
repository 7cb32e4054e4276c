/* A machine of a test's own: a folder with proc/ and sys/ in it, and a clock that stands. */
#ifndef TEST_PRESSURE_SUPPORT_H
#define TEST_PRESSURE_SUPPORT_H

#include "pool/pressure.h"

#define MIB ((uint64_t)1 << 20)
#define SECOND UINT64_C(1000000000)
#define V1_NO_LIMIT UINT64_C(9223372036854771712)

extern struct pressure *pressure;
extern uint64_t now_ns;

void machine_create(void);
void machine_remove(void); /* with the pressure in it */
/* The whole path of a file of the machine. Static storage, until the next call. */
const char *machine_path(const char *name);

void file(const char *name, const char *text);
void number(const char *name, uint64_t value);
/* 8 GiB, with nothing but unused memory available, or with page cache besides. */
void meminfo(uint64_t available);
void meminfo_with_cache(uint64_t unused, uint64_t cache);
void group_v1(const char *group, uint64_t usage, uint64_t limit, uint64_t inactive_file);
void group_v2(const char *group, uint64_t current, const char *max, const char *high);

void begin_with(uint32_t sources);
struct pressure_advice look(void);

#endif
