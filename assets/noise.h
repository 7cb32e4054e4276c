/* assets/noise.h - seeded noise without state: the same place gives the same number, always.
 * Gradient noise is within about [-1, 1]; sums of octaves are scaled to stay near that. */
#ifndef MURAL_ASSETS_NOISE_H
#define MURAL_ASSETS_NOISE_H

#include <stdint.h>

/* Mixes its arguments well enough that neighbours look unrelated. */
uint32_t noise_hash(uint32_t x, uint32_t y, uint32_t seed);

/* The hash as a number in [0, 1). */
double noise_random(int x, int y, uint32_t seed);

double noise_gradient(double x, double y, uint32_t seed);
double noise_gradient3(double x, double y, double z, uint32_t seed);

/* Fractal sum of @octaves, each twice as fine and @gain as strong as the one before. */
double noise_fbm(double x, double y, int octaves, double gain, uint32_t seed);
double noise_fbm3(double x, double y, double z, int octaves, double gain, uint32_t seed);

/* Sharp crests, as of mountains: in [0, 1], 1 on the crest. */
double noise_ridged(double x, double y, int octaves, double gain, uint32_t seed);

#endif
