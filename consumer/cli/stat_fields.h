/* cli/stat_fields.h - the statistics as text and as JSON, for `mural stat` and `mural top`. */
#ifndef CLI_STAT_FIELDS_H
#define CLI_STAT_FIELDS_H

#include <jansson.h>
#include <mural/mural_types.h>
#include <stdio.h>

/* Every field of struct mural_stats under its own name; the driver and the pressure as words, the
 * instance as 16 hexadecimal digits, an unknown headroom as null. NULL: no memory. The caller owns
 * it. */
json_t *stats_to_json(const struct mural_stats *stats);

/* The block that a person reads, about 16 lines. */
void stats_print(FILE *file, const struct mural_stats *stats);

const char *stats_driver_name(uint32_t driver);
const char *stats_pressure_name(uint32_t pressure);

#endif
