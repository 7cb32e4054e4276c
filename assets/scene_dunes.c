/* Dunes in the last light: long crests with a steep lee, and ripples that the wind has drawn. */
#include "noise.h"
#include "scenes.h"
#include "terrain.h"

#define EXTENT 40.0
#define PIXEL 0.0007
#define FAR 36.0

static const struct vec3 sun = {-0.86, 0.24, 0.30};

/* A wave whose windward side is long and whose lee is short, meeting in a crest that is just round
 * enough for the field's samples. */
static double crest(double phase)
{
	double t = phase - floor(phase), w = t < 0.68 ? (0.68 - t) / 0.68 : (t - 0.68) / 0.32;

	w = sqrt(w * w + 0.0012);
	return w >= 1 ? 0 : (1 - w) * (1 - w) * (1 + 0.5 * w);
}

static double dune_height(double x, double z)
{
	double bend = noise_fbm(x * 0.11, z * 0.11, 4, 0.5, 400),
	       bend2 = noise_fbm(x * 0.2 + 8, z * 0.2, 3, 0.5, 401);
	double tall =
		0.35 + 0.65 * smoothstep(-0.5, 0.6, noise_gradient(x * 0.13 + 3, z * 0.13, 402));
	double main = crest(x * 0.12 + z * 0.075 + bend * 0.9),
	       minor = crest(x * 0.31 - z * 0.10 + bend2 * 1.1);

	return 1.75 * main * tall + 0.16 * minor * (0.4 + 0.6 * main) + 0.35 * bend;
}

void *scene_dunes_prepare(void)
{
	return terrain_new(2048, EXTENT, dune_height);
}

static struct vec3 sky(struct vec3 along)
{
	double up = clamp(along.y, 0, 1), towards = clamp(dot(along, unit(sun)), 0, 1);
	struct vec3 colour =
		mix3(picture_colour(0xf6c79a), picture_colour(0xb7a6b8), smoothstep(0.0, 0.20, up));

	colour = mix3(colour, picture_colour(0x5d7eb0), smoothstep(0.14, 0.5, up));
	colour = add(colour, scale(vec(1.0, 0.6, 0.3), 0.35 * power(towards, 5)));
	double px = along.x / (up + 0.12), pz = along.z / (up + 0.12);
	double wisps =
		noise_fbm(px * 0.5 + 0.4 * noise_gradient(px, pz, 411), pz * 1.7, 6, 0.55, 410);
	return mix3(colour, picture_colour(0xffe6cf),
		0.55 * smoothstep(0.05, 0.65, wisps) * smoothstep(0.02, 0.2, up));
}

static struct vec3 sand(const struct terrain *terrain, struct vec3 at, double distance)
{
	double reach = 0.012 + distance * PIXEL;
	struct vec3 normal = terrain_normal(terrain, at.x, at.z, reach), to_sun = unit(sun);
	/* Ripples cross the wind; on the steep lee the sand slides and has none. */
	double wander = noise_fbm(at.x * 0.9, at.z * 0.9, 3, 0.5, 420);
	double along_wind = at.x * 0.92 + at.z * 0.38 + 0.22 * wander;
	double ripple =
		cosine(along_wind * 2 * PI / 0.105 + 2.2 * noise_gradient(at.x * 3, at.z * 3, 421));
	double strength = 0.34 * exponential(-distance * 0.16) * smoothstep(0.80, 0.93, normal.y);
	normal.x += strength * ripple * 0.92;
	normal.z += strength * ripple * 0.38;
	double grain = noise_gradient(at.x * 140, at.z * 140, 422) * exponential(-distance * 0.5);
	normal.x += 0.10 * grain;
	normal = unit(normal);
	double direct = clamp(dot(normal, to_sun), 0, 1);
	if (direct > 0)
		direct *= terrain_light(terrain, add(at, vec(0, 0.01, 0)), to_sun, 0.02);
	struct vec3 colour =
		mix3(picture_colour(0xd99a5b), picture_colour(0xe9b679), clamp(0.5 + wander, 0, 1));
	struct vec3 light = add(scale(vec(1.0, 0.72, 0.44), 2.5 * direct),
		scale(vec(0.30, 0.33, 0.50), 0.55 * (0.4 + 0.6 * normal.y)));
	return mul(colour, light);
}

struct vec3 scene_dunes(const void *state, double x, double y)
{
	const struct terrain *terrain = state;
	struct vec3 eye = vec(20.0, 3.1, 3.0), along = unit(vec(x - 0.888, 0.30 - y, 1.35));
	double t = terrain_meet(terrain, eye, along, FAR, PIXEL);

	if (t < 0)
		return picture_tone(sky(along));
	struct vec3 at = add(eye, scale(along, t));
	struct vec3 colour = sand(terrain, at, t);
	struct vec3 haze = mix3(picture_colour(0xe9b99a), picture_colour(0xffc890),
		clamp(dot(along, unit(sun)), 0, 1));
	return picture_tone(mix3(colour, haze, 1 - exponential(-t * 0.030)));
}
