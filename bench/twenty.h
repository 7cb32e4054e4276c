/* twenty.h - twenty pictures that are no copies of each other. */
#ifndef BENCH_TWENTY_H
#define BENCH_TWENTY_H

#define TWENTY 20

/* Paths in bench_folder's "pictures", which is made: five kinds of two sizes (2 and 4 megapixels),
 * each followed by its mirror image, so that each looks different from the one before it. They stay
 * until exit. */
const char *const *twenty_pictures(void);

#endif
