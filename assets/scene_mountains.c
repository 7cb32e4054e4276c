/* Snowy peaks over a lake in early light. The shapes come from noise that flattens where it is
 * steep, which looks like erosion; the depth from air that takes the sun's colour towards the sun
 * and the sky's elsewhere. */
#include "noise.h"
#include "scenes.h"
#include "terrain.h"

#define EXTENT 26.0
#define WATER 0.32
#define PIXEL 0.0006
#define FAR 40.0
/* So much of the field lies behind the camera: what would stand there by wrapping around would
 * throw shadows. */
#define BEHIND 4.0

static const struct vec3 sun = {-0.52, 0.42, -0.45};

struct slope_noise {
	double value, dx, dz;
};

static struct slope_noise value_noise(double x, double z, uint32_t seed)
{
	int ix = floor_int(x), iz = floor_int(z);
	double fx = x - ix, fz = z - iz;
	double u = fx * fx * fx * (fx * (fx * 6 - 15) + 10),
	       v = fz * fz * fz * (fz * (fz * 6 - 15) + 10);
	double du = 30 * fx * fx * (fx * (fx - 2) + 1), dv = 30 * fz * fz * (fz * (fz - 2) + 1);
	double a = noise_random(ix, iz, seed), b = noise_random(ix + 1, iz, seed);
	double c = noise_random(ix, iz + 1, seed), d = noise_random(ix + 1, iz + 1, seed);
	double twist = a - b - c + d;

	return (struct slope_noise){
		a + (b - a) * u + (c - a) * v + twist * u * v,
		du * (b - a + twist * v),
		dv * (c - a + twist * u),
	};
}

static double eroded(double x, double z)
{
	double height = 0, weight = 1, dx = 0, dz = 0;

	for (int i = 0; i < 10; i++) {
		struct slope_noise n = value_noise(x, z, 60 + (uint32_t)i);
		dx += n.dx;
		dz += n.dz;
		height += weight * n.value / (1.0 + dx * dx + dz * dz);
		weight *= 0.5;
		double turned = 1.6 * x - 1.2 * z;
		z = 1.2 * x + 1.6 * z;
		x = turned;
	}
	return height;
}

/* A valley with a lake leads up to the highest peaks. */
static double peak_height(double x, double z)
{
	z -= BEHIND;
	double middle = 12.0 + 1.2 * sine(z * 0.45), aside = fabs(x - middle);
	double slope = smoothstep(0.6, 4.5, aside), head = smoothstep(6.5, 13.0, z);
	double rise = slope > head ? slope : head;

	return 0.05 + eroded(x * 0.42, z * 0.42) * (0.28 + 1.75 * rise);
}

void *scene_mountains_prepare(void)
{
	return terrain_new(2048, EXTENT, peak_height);
}

static struct vec3 sky(struct vec3 along)
{
	double up = along.y > 0 ? along.y : 0, towards = clamp(dot(along, unit(sun)), 0, 1);
	struct vec3 colour = mix3(
		picture_colour(0xe9cfae), picture_colour(0x4d7fc0), smoothstep(-0.05, 0.38, up));

	colour = mix3(colour, picture_colour(0x2f5ea6), smoothstep(0.2, 0.7, up));
	colour = add(colour, scale(vec(1.0, 0.62, 0.3), 0.35 * power(towards, 8)));
	colour = add(colour, scale(vec(1.0, 0.85, 0.6), 0.8 * power(towards, 160)));
	if (up > 0.005) {
		/* High cloud in bands, seen from below. */
		double px = along.x / (up + 0.08), pz = along.z / (up + 0.08);
		double cloud = noise_fbm(px * 0.55, pz * 1.25 + 4.0, 7, 0.55, 90);
		double cover = smoothstep(0.02, 0.55, cloud) * smoothstep(0.0, 0.12, up) * 0.75;
		colour = mix3(colour,
			mix3(picture_colour(0xfdeede), picture_colour(0xffd0a0), power(towards, 3)),
			cover);
	}
	return colour;
}

static struct vec3 through_air(
	struct vec3 colour, struct vec3 along, double distance, double height)
{
	double towards = clamp(dot(along, unit(sun)), 0, 1);
	struct vec3 air =
		mix3(picture_colour(0xa9c2e6), picture_colour(0xffdcae), power(towards, 2) * 0.8);
	/* Thicker below: mist lies in the valleys. */
	double density = 0.028 + 0.085 * exponential(-height * 2.4);

	return mix3(colour, air, 1.0 - exponential(-distance * density));
}

static struct vec3 ground_colour(struct vec3 at, struct vec3 normal)
{
	double grain = noise_fbm(at.x * 9, at.z * 9, 5, 0.6, 70);
	struct vec3 rock =
		mix3(picture_colour(0x4b4640), picture_colour(0x7d7266), clamp(0.5 + grain, 0, 1));
	struct vec3 wood = mix3(
		picture_colour(0x1d2f1c), picture_colour(0x4a5a2c), clamp(0.5 + grain * 1.4, 0, 1));
	double woods = smoothstep(0.62, 0.8, normal.y) * smoothstep(1.05, 0.6, at.y + grain * 0.3);
	double snow = smoothstep(0.80, 1.25, at.y + grain * 0.35) *
		      smoothstep(0.42, 0.66, normal.y + grain * 0.1);

	return mix3(mix3(rock, wood, woods), vec(0.86, 0.89, 0.95), snow);
}

static struct vec3 lit_ground(const struct terrain *terrain, struct vec3 at, double distance)
{
	double reach = 0.004 + distance * PIXEL;
	struct vec3 normal = terrain_normal(terrain, at.x, at.z, reach), to_sun = unit(sun);
	/* Finer than the field: bumps by noise, fading out with distance. */
	double bump = 0.7 / (1.0 + distance * 0.35);
	normal.x += bump * noise_fbm(at.x * 30, at.z * 30 + at.y * 20, 4, 0.6, 71);
	normal.z += bump * noise_fbm(at.x * 30 + 50, at.z * 30 + at.y * 20, 4, 0.6, 72);
	normal = unit(normal);
	double direct = clamp(dot(normal, to_sun), 0, 1);
	if (direct > 0)
		direct *= terrain_light(terrain, at, to_sun, 0.03);
	double open = 0.5 + 0.5 * normal.y;
	struct vec3 light = add(scale(vec(1.0, 0.76, 0.5), 2.3 * direct),
		scale(vec(0.26, 0.38, 0.62), 0.95 * open));
	return mul(ground_colour(at, normal), light);
}

/* What is seen at the distance @t of terrain_meet; @already is the way that the light has come
 * before @from. */
static struct vec3 look(const struct terrain *terrain, struct vec3 from, struct vec3 along,
	double t, double already)
{
	if (t < 0)
		return sky(along);
	struct vec3 at = add(from, scale(along, t));
	return through_air(lit_ground(terrain, at, already + t), along, already + t, at.y);
}

/* The lake mirrors with small ripples, more where it is seen at a flat angle. */
static struct vec3 lake(
	const struct terrain *terrain, struct vec3 at, struct vec3 along, double distance)
{
	double calm = 0.016 / (1.0 + distance * 0.15);
	double depth = WATER - terrain_height(terrain, at.x, at.z);
	struct vec3 normal = unit(vec(calm * noise_fbm(at.x * 26, at.z * 26, 3, 0.5, 80), 1,
		calm * noise_fbm(at.x * 26 + 9, at.z * 26, 3, 0.5, 81)));
	struct vec3 back = sub(along, scale(normal, 2 * dot(along, normal)));
	back.y = fabs(back.y);
	double facing = clamp(-dot(along, normal), 0, 1);
	double mirror = 0.06 + 0.94 * power(1 - facing, 5);
	struct vec3 deep = mix3(
		picture_colour(0x3d6f6a), picture_colour(0x12303f), smoothstep(0, 0.12, depth));

	double t = terrain_meet(terrain, at, back, FAR, PIXEL);
	struct vec3 mirrored = look(terrain, at, back, t, distance);

	return through_air(mix3(deep, mirrored, mix(mirror, 1.0, 0.25)), along, distance, 0.5);
}

struct vec3 scene_mountains(const void *state, double x, double y)
{
	const struct terrain *terrain = state;
	struct vec3 eye = vec(12.4, 0.62, BEHIND + 0.8);
	struct vec3 along = unit(vec((x - 0.888) * 1.25, (0.40 - y) * 1.25, 1.6));
	double water = along.y < 0 ? (WATER - eye.y) / along.y : FAR;
	double land = terrain_meet(terrain, eye, along, water < FAR ? water : FAR, PIXEL);
	struct vec3 colour;

	if (land < 0 && water < FAR)
		colour = lake(terrain, add(eye, scale(along, water)), along, water);
	else
		colour = look(terrain, eye, along, land, 0);
	return picture_tone(scale(colour, 1.02));
}
