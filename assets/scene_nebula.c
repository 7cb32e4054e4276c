/* A cloud of gas among stars: noise that is bent by noise, lit from a hot middle and veiled by
 * dust. */
#include "noise.h"
#include "scenes.h"

static struct vec3 star_tint(int ix, int iy, uint32_t seed)
{
	double heat = noise_random(ix, iy, seed);

	return heat < 0.5 ? mix3(vec(1.0, 0.72, 0.5), vec(1.0, 0.95, 0.88), heat * 2)
			  : mix3(vec(1.0, 0.97, 0.95), vec(0.62, 0.76, 1.0), heat * 2 - 1);
}

/* Stars of one size class; the brightest get the cross that a telescope's struts give them. */
static struct vec3 stars(
	double x, double y, double cells, double steep, double crossed, uint32_t seed)
{
	struct vec3 light = vec(0, 0, 0);
	int cx = floor_int(x * cells), cy = floor_int(y * cells);

	for (int iy = cy - 1; iy <= cy + 1; iy++) {
		for (int ix = cx - 1; ix <= cx + 1; ix++) {
			double bright = power(noise_random(ix, iy, seed + 2), steep);
			if (bright < 0.02)
				continue;
			double dx = (x - (ix + noise_random(ix, iy, seed)) / cells) * 1000;
			double dy = (y - (iy + noise_random(ix, iy, seed + 1)) / cells) * 1000;
			double r2 = dx * dx + dy * dy;
			double glow =
				exponential(-r2 / (0.35 + 1.6 * bright)) * (0.2 + 2.2 * bright) +
				0.10 * bright * bright / (0.6 + r2 * 0.35);
			double cross =
				bright > crossed
					? (exponential(-fabs(dx) * 0.16 - dy * dy * 2.2) +
						  exponential(-fabs(dy) * 0.16 - dx * dx * 2.2)) *
						  (bright - crossed)
					: 0;
			light = add(light,
				scale(star_tint(ix, iy, seed + 3), bright * glow + cross * 0.8));
		}
	}
	return light;
}

struct gas {
	double density, dust, warmth;
};

static struct gas gas_at(double x, double y)
{
	double qx = noise_fbm(x * 1.3, y * 1.3, 5, 0.5, 220),
	       qy = noise_fbm(x * 1.3 + 5.2, y * 1.3 + 1.3, 5, 0.5, 221);
	double rx = noise_fbm(x * 1.5 + 1.35 * qx + 1.7, y * 1.5 + 1.35 * qy + 9.2, 6, 0.52, 222);
	double ry = noise_fbm(x * 1.5 + 1.35 * qx + 8.3, y * 1.5 + 1.35 * qy + 2.8, 6, 0.52, 223);
	double f = noise_fbm(x * 1.4 + 1.1 * rx, y * 1.4 + 1.1 * ry, 9, 0.56, 224);
	double band = y - 0.52 + (x - 0.8) * 0.30 + 0.10 * qx,
	       away = exponential(-band * band * 7.5);

	return (struct gas){
		.density = clamp((0.42 + 0.85 * f) * (0.18 + 1.1 * away), 0, 2),
		.dust = smoothstep(0.05, 0.62, ry + 0.35 * rx) * (0.25 + 0.75 * away),
		.warmth = clamp(0.5 + 0.9 * rx + 0.5 * qx, 0, 1),
	};
}

struct vec3 scene_nebula(const void *state, double x, double y)
{
	struct gas gas = gas_at(x, y);
	double dx = x - 0.93, dy = y - 0.46, heart = exponential(-(dx * dx + dy * dy) * 9.0);
	struct vec3 cold = mix3(picture_colour(0x10224f), picture_colour(0x2f86b8), gas.density);
	struct vec3 warm = mix3(picture_colour(0x45133f), picture_colour(0xf0656f), gas.density);
	struct vec3 colour =
		scale(mix3(cold, warm, smoothstep(0.25, 0.8, gas.warmth)), gas.density * 0.95);

	(void)state;
	colour = add(colour,
		scale(picture_colour(0xffab62), heart * (0.12 + 1.2 * gas.density * gas.density)));
	colour = add(
		colour, scale(vec(0.9, 0.95, 1.0), 0.6 * exponential(-(dx * dx + dy * dy) * 70.0)));
	double veil = exponential(-1.9 * gas.dust);
	colour = add(scale(colour, veil), scale(picture_colour(0x1a0d14), 1 - veil));
	colour = add(colour, scale(vec(0.006, 0.008, 0.018), 1));
	struct vec3 far = add(stars(x, y, 95, 26, 2, 230), stars(x, y, 42, 34, 0.8, 240));
	colour = add(colour, scale(far, 0.35 + 0.65 * veil));
	return picture_tone(add(colour, stars(x, y, 7, 7, 0.5, 250)));
}
