/* The sun going down over the sea: clouds lit from below, and waves that scatter the sun's path. */
#include "noise.h"
#include "scenes.h"

static const struct vec3 sun = {0.16, 0.055, 1.0};

static struct vec3 clear_sky(struct vec3 along, double towards)
{
	double up = clamp(along.y, 0, 1);
	struct vec3 colour =
		mix3(picture_colour(0xffa552), picture_colour(0xe2626a), smoothstep(0.0, 0.16, up));

	colour = mix3(colour, picture_colour(0x7a4f8e), smoothstep(0.10, 0.34, up));
	colour = mix3(colour, picture_colour(0x233a72), smoothstep(0.24, 0.62, up));
	colour = add(colour, scale(vec(1.0, 0.55, 0.18), 0.55 * power(towards, 12)));
	return add(colour, scale(vec(1.0, 0.8, 0.45), 0.7 * power(towards, 300)));
}

static struct vec3 sky(struct vec3 along, int octaves)
{
	double towards = clamp(dot(along, unit(sun)), 0, 1), up = clamp(along.y, 0, 1);
	struct vec3 colour = clear_sky(along, towards);

	if (towards > 0.99955)
		colour = vec(3.0, 2.4, 1.5);
	double px = along.x / (up + 0.10), pz = along.z / (up + 0.10);
	double bend = noise_fbm(px * 0.4 + 7, pz * 0.4, 3, 0.5, 101);
	double cloud = noise_fbm(px * 0.62 + bend * 0.8, pz * 0.95 + bend, octaves, 0.56, 102);
	double thick = smoothstep(-0.06, 0.62, cloud + 0.10) * smoothstep(0.012, 0.10, up);
	/* Towards the sun thin cloud glows; thick cloud shows its dark underside. */
	double lit = 0.35 + 0.65 * power(towards, 2.5);
	struct vec3 rim = mix3(picture_colour(0xe0718a), picture_colour(0xffc069), lit);
	struct vec3 body = mix3(picture_colour(0x3a3563), picture_colour(0x8a4560), lit);
	struct vec3 tint = mix3(rim, body, smoothstep(0.25, 0.85, thick));
	return mix3(colour, tint, thick * 0.92);
}

static double waves(double x, double z, double distance)
{
	/* Swell from one side, ripples from everywhere; what is smaller than a pixel far away is
	 * left out. */
	double height =
		0.22 * sine(z * 1.1 + 0.6 * noise_gradient(x * 0.25, z * 0.25, 110) * 3 + x * 0.3);

	height += 0.16 * noise_fbm(x * 0.9, z * 1.7,
				 distance < 25   ? 6
				 : distance < 90 ? 4
						 : 2,
				 0.5, 111);
	return height;
}

static struct vec3 water(struct vec3 along)
{
	double t = 1.6 / -along.y, x = along.x * t, z = along.z * t;
	double reach = 0.012 + t * 0.0012, calm = 0.55 / (1.0 + t * 0.012);
	double here = waves(x, z, t);
	struct vec3 normal = unit(vec((here - waves(x + reach, z, t)) / reach * calm, 1,
		(here - waves(x, z + reach, t)) / reach * calm));
	struct vec3 back = sub(along, scale(normal, 2 * dot(along, normal)));
	double mirror = 0.04 + 0.96 * power(1 - clamp(-dot(along, normal), 0, 1), 5);

	back.y = fabs(back.y) + 0.01;
	struct vec3 deep = mix3(
		picture_colour(0x0d2a44), picture_colour(0x24505e), clamp(here * 2.2 + 0.4, 0, 1));
	struct vec3 colour = mix3(deep, sky(unit(back), 4), mirror);
	/* The horizon dissolves in the evening's haze. */
	return mix3(colour, picture_colour(0xf0936a), smoothstep(60, 700, t) * 0.65);
}

struct vec3 scene_sea(const void *state, double x, double y)
{
	struct vec3 along = unit(vec(x - 0.75, 0.60 - y, 1.25));

	(void)state;
	return picture_tone(
		along.y > 0.0005
			? sky(along, 8)
			: water(vec(along.x, along.y < -0.0005 ? along.y : -0.0005, along.z)));
}
