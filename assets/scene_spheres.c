/* Polished balls on a chequered floor, by ray tracing: an area light's soft shadows and mirrors in
 * mirrors. */
#include "noise.h"
#include "scenes.h"

enum { BALLS = 9, DEPTH = 5, SHADOW_RAYS = 4 };

#define LAMP_RADIUS 0.9

static const struct ball {
	struct vec3 centre;
	double radius;
	uint32_t colour;
	double mirror; /* share of light that is reflected when seen from straight ahead */
} balls[BALLS] = {
	{{0.0, 1.0, 6.2}, 1.0, 0xd9dde3, 0.72},
	{{-2.15, 0.8, 5.4}, 0.8, 0xc03a2b, 0.10},
	{{2.0, 0.7, 5.1}, 0.7, 0x1f6f8b, 0.12},
	{{0.95, 0.38, 3.9}, 0.38, 0xf0b429, 0.10},
	{{-0.85, 0.3, 3.6}, 0.3, 0x3d8b5f, 0.10},
	{{-3.6, 1.3, 9.0}, 1.3, 0xe8d9b5, 0.25},
	{{3.7, 1.15, 8.4}, 1.15, 0x6a4c93, 0.14},
	{{0.22, 0.17, 3.25}, 0.17, 0xf2efe6, 0.55},
	{{1.75, 0.22, 3.35}, 0.22, 0xb5482e, 0.12},
};

static const struct vec3 lamp = {-4.5, 7.5, 0.5};

struct hit {
	double distance;
	struct vec3 at, normal, colour;
	double mirror;
};

static double meet_ball(const struct ball *ball, struct vec3 from, struct vec3 along)
{
	struct vec3 to = sub(from, ball->centre);
	double b = dot(to, along), c = dot(to, to) - ball->radius * ball->radius, d = b * b - c;

	if (d < 0)
		return -1;
	double root = sqrt(d), t = -b - root;
	return t > 1e-4 ? t : -1;
}

static struct vec3 backdrop(struct vec3 along)
{
	double up = clamp(along.y, 0, 1);
	struct vec3 colour =
		mix3(picture_colour(0xf3e4cd), picture_colour(0x8fb2cf), smoothstep(0.0, 0.45, up));
	/* A studio's soft box, for the balls to mirror. */
	struct vec3 to_lamp = unit(lamp);
	double box = smoothstep(0.93, 0.96, dot(along, to_lamp));

	return add(mix3(colour, picture_colour(0x47739c), smoothstep(0.4, 1.0, up)),
		scale(vec(1.6, 1.5, 1.35), box));
}

static struct vec3 floor_colour(double x, double z, double distance)
{
	int odd = (floor_int(x * 1.25) + floor_int(z * 1.25)) & 1;
	double vein = noise_fbm(x * 1.7, z * 1.7, 5, 0.55, 120);
	struct vec3 light =
		mix3(picture_colour(0xece4d6), picture_colour(0xc9bda8), clamp(0.4 + vein, 0, 1));
	struct vec3 dark =
		mix3(picture_colour(0x3c4650), picture_colour(0x1f262d), clamp(0.5 + vein, 0, 1));
	struct vec3 mean = mix3(light, dark, 0.5);

	/* Far away the squares are finer than pixels. */
	return mix3(odd ? dark : light, mean, smoothstep(14, 60, distance));
}

static int meet(struct vec3 from, struct vec3 along, struct hit *ret)
{
	struct hit hit = {.distance = 1e9};

	for (int i = 0; i < BALLS; i++) {
		double t = meet_ball(&balls[i], from, along);
		if (t > 0 && t < hit.distance) {
			hit.distance = t;
			hit.at = add(from, scale(along, t));
			hit.normal = scale(sub(hit.at, balls[i].centre), 1.0 / balls[i].radius);
			hit.colour = picture_colour(balls[i].colour);
			hit.mirror = balls[i].mirror;
		}
	}
	double t = along.y < -1e-6 ? -from.y / along.y : -1;
	if (t > 1e-4 && t < hit.distance) {
		hit.distance = t;
		hit.at = add(from, scale(along, t));
		hit.normal = vec(0, 1, 0);
		hit.colour = floor_colour(hit.at.x, hit.at.z, t);
		hit.mirror = 0.08;
	}
	if (hit.distance >= 1e9)
		return 0;
	*ret = hit;
	return 1;
}

/* Whether a ball could be in the way of any of the lamp's light. */
static int near_light(const struct ball *ball, struct vec3 at, struct vec3 middle)
{
	struct vec3 to = sub(ball->centre, at);
	double share = clamp(dot(to, middle) / dot(middle, middle), 0, 1);
	struct vec3 off = sub(to, scale(middle, share));
	double reach = ball->radius + LAMP_RADIUS * share;

	return dot(off, off) < reach * reach;
}

/* The share of the lamp that is seen: it is a disc, sampled on a grid that each place jitters in
 * its own way. */
static double lamp_seen(struct vec3 at)
{
	struct vec3 middle = sub(lamp, at), side = unit(cross(middle, vec(0, 1, 0))),
		    up = unit(cross(side, middle));
	uint32_t seed =
		noise_hash((uint32_t)floor_int(at.x * 4096), (uint32_t)floor_int(at.z * 4096), 130);
	int seen = 0, obstacles[BALLS], count = 0;

	for (int b = 0; b < BALLS; b++) {
		if (near_light(&balls[b], at, middle))
			obstacles[count++] = b;
	}
	if (count == 0)
		return 1;
	for (int j = 0; j < SHADOW_RAYS; j++) {
		for (int i = 0; i < SHADOW_RAYS; i++) {
			uint32_t dice = noise_hash(seed, (uint32_t)(j * SHADOW_RAYS + i), 131);
			double angle = 2 * PI * (i + (dice & 0xffff) / 65536.0) / SHADOW_RAYS;
			double radius =
				LAMP_RADIUS * sqrt((j + (dice >> 16) / 65536.0) / SHADOW_RAYS);
			struct vec3 to = add(middle, add(scale(side, radius * cosine(angle)),
							     scale(up, radius * sine(angle))));
			struct vec3 along = unit(to);
			int blocked = 0;
			for (int b = 0; b < count && !blocked; b++)
				blocked = meet_ball(&balls[obstacles[b]], at, along) > 0;
			seen += !blocked;
		}
	}
	return (double)seen / (SHADOW_RAYS * SHADOW_RAYS);
}

/* Balls darken the floor and each other where they touch. */
static double openness(const struct hit *hit)
{
	double open = hit->normal.y * 0.25 + 0.75;

	for (int i = 0; i < BALLS; i++) {
		struct vec3 to = sub(balls[i].centre, hit->at);
		double d2 = dot(to, to), d = sqrt(d2);
		double facing = dot(to, hit->normal) / d;
		double share = balls[i].radius * balls[i].radius / d2;
		if (facing > 0 && d > balls[i].radius * 1.0005)
			open *= 1.0 - facing * share;
	}
	return open;
}

static struct vec3 trace(struct vec3 from, struct vec3 along, int depth)
{
	struct hit hit;

	if (!meet(from, along, &hit))
		return backdrop(along);
	struct vec3 to_lamp = unit(sub(lamp, hit.at));
	double direct = clamp(dot(hit.normal, to_lamp), 0, 1);
	struct vec3 start = add(hit.at, scale(hit.normal, 1e-3));
	if (direct > 0)
		direct *= lamp_seen(start);
	struct vec3 light = add(scale(vec(1.0, 0.93, 0.82), 0.95 * direct),
		scale(vec(0.30, 0.36, 0.44), openness(&hit)));
	struct vec3 colour = mul(hit.colour, light);
	double facing = clamp(-dot(along, hit.normal), 0, 1);
	double mirror = hit.mirror + (1 - hit.mirror) * power(1 - facing, 5) * 0.85;
	if (depth < DEPTH && mirror > 0.01) {
		struct vec3 back = sub(along, scale(hit.normal, 2 * dot(along, hit.normal)));
		struct vec3 mirrored = trace(start, back, depth + 1);
		/* Metal colours what it mirrors, lacquer does not. */
		if (hit.mirror > 0.2)
			mirrored = mul(mirrored, mix3(hit.colour, vec(1, 1, 1), 0.3));
		colour = mix3(colour, mirrored, mirror);
	}
	return mix3(colour, backdrop(vec(along.x, 0, along.z)), smoothstep(12, 70, hit.distance));
}

struct vec3 scene_spheres(const void *state, double x, double y)
{
	struct vec3 along = unit(vec(x - 0.75, 0.36 - y, 1.15));

	(void)state;
	return picture_tone(trace(vec(0.1, 1.35, 0), along, 0));
}
