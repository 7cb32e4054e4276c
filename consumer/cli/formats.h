/* cli/formats.h - a pinned picture as a stream of bytes. */
#ifndef CLI_FORMATS_H
#define CLI_FORMATS_H

#include "output.h"

#include <mural/mural.h>

/* Each writes one whole picture behind what is there. Returns 0, or the output's -errno; -ENOMEM.
 */
typedef int format_fn(struct output *output, const struct mural_view *view);

/* PAM, 8 bits a sample: RGB_ALPHA when the file has transparency, else RGB. @view must be ARGB8888.
 */
format_fn write_pam;

/* PNG, the same samples. */
format_fn write_png;

/* The rows as they are in memory, without the padding at a row's end. Any format. */
format_fn write_raw;

#endif
