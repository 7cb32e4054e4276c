/* Seeded gradient noise: every scene gets its irregularity from here. */
#include "noise.h"

#include "maths.h"

uint32_t noise_hash(uint32_t x, uint32_t y, uint32_t seed)
{
	uint32_t h = seed * 0x9e3779b1u ^ x * 0x85ebca77u ^ y * 0xc2b2ae3du;

	h ^= h >> 15;
	h *= 0x2c1b3c6du;
	h ^= h >> 12;
	h *= 0x297a2d39u;
	h ^= h >> 15;
	return h;
}

double noise_random(int x, int y, uint32_t seed)
{
	return noise_hash((uint32_t)x, (uint32_t)y, seed) * (1.0 / 4294967296.0);
}

/* Eight directions of equal length are enough: the eye does not find them under several octaves. */
static double corner(int ix, int iy, double dx, double dy, uint32_t seed)
{
	static const double directions[8][2] = {
		{1, 0},
		{-1, 0},
		{0, 1},
		{0, -1},
		{0.70710678118654752, 0.70710678118654752},
		{-0.70710678118654752, 0.70710678118654752},
		{0.70710678118654752, -0.70710678118654752},
		{-0.70710678118654752, -0.70710678118654752},
	};
	const double *d = directions[noise_hash((uint32_t)ix, (uint32_t)iy, seed) >> 29];

	return d[0] * dx + d[1] * dy;
}

static double fade(double t)
{
	return t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
}

double noise_gradient(double x, double y, uint32_t seed)
{
	int ix = floor_int(x), iy = floor_int(y);
	double fx = x - ix, fy = y - iy;
	double u = fade(fx), v = fade(fy);
	double top = mix(corner(ix, iy, fx, fy, seed), corner(ix + 1, iy, fx - 1, fy, seed), u);
	double low = mix(corner(ix, iy + 1, fx, fy - 1, seed),
		corner(ix + 1, iy + 1, fx - 1, fy - 1, seed), u);

	return mix(top, low, v) * 1.5;
}

static double corner3(int ix, int iy, int iz, struct vec3 d, uint32_t seed)
{
	uint32_t h =
		noise_hash((uint32_t)ix + (uint32_t)iz * 0x632be5abu, (uint32_t)iy, seed) >> 28;
	double a = h < 8 ? d.x : d.y;
	double b = h < 4 ? d.y : h == 12 || h == 14 ? d.x : d.z;

	return ((h & 1) ? -a : a) + ((h & 2) ? -b : b);
}

double noise_gradient3(double x, double y, double z, uint32_t seed)
{
	int ix = floor_int(x), iy = floor_int(y), iz = floor_int(z);
	struct vec3 f = vec(x - ix, y - iy, z - iz);
	double u = fade(f.x), v = fade(f.y), sum[2];

	for (int k = 0; k < 2; k++) {
		double dz = f.z - k;
		double top = mix(corner3(ix, iy, iz + k, vec(f.x, f.y, dz), seed),
			corner3(ix + 1, iy, iz + k, vec(f.x - 1, f.y, dz), seed), u);
		double low = mix(corner3(ix, iy + 1, iz + k, vec(f.x, f.y - 1, dz), seed),
			corner3(ix + 1, iy + 1, iz + k, vec(f.x - 1, f.y - 1, dz), seed), u);
		sum[k] = mix(top, low, v);
	}
	return mix(sum[0], sum[1], fade(f.z));
}

/* Each octave is turned as well as scaled, so that the lattice does not show through. */
double noise_fbm(double x, double y, int octaves, double gain, uint32_t seed)
{
	double sum = 0, weight = 1, total = 0;

	for (int i = 0; i < octaves; i++) {
		sum += weight * noise_gradient(x, y, seed + (uint32_t)i);
		total += weight;
		weight *= gain;
		double turned = 1.6 * x - 1.2 * y;
		y = 1.2 * x + 1.6 * y;
		x = turned;
	}
	return sum / total * 1.4;
}

double noise_fbm3(double x, double y, double z, int octaves, double gain, uint32_t seed)
{
	double sum = 0, weight = 1, total = 0;

	for (int i = 0; i < octaves; i++) {
		sum += weight * noise_gradient3(x, y, z, seed + (uint32_t)i);
		total += weight;
		weight *= gain;
		x *= 2.03;
		y *= 2.03;
		z *= 2.03;
	}
	return sum / total * 1.4;
}

/* A crest is rougher than a valley floor: what an octave gave weighs the next one. */
double noise_ridged(double x, double y, int octaves, double gain, uint32_t seed)
{
	double sum = 0, weight = 1, total = 0, carry = 1;

	for (int i = 0; i < octaves; i++) {
		double crest = 1.0 - fabs(noise_gradient(x, y, seed + (uint32_t)i));
		crest *= crest;
		sum += weight * crest * carry;
		total += weight;
		carry = clamp(crest * 1.6, 0.0, 1.0);
		weight *= gain;
		double turned = 1.6 * x - 1.2 * y;
		y = 1.2 * x + 1.6 * y;
		x = turned;
	}
	return sum / total;
}
