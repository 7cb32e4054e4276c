/* A ringed planet, cut out: around it and in the rings' gaps the picture is transparent. */
#include "noise.h"
#include "scenes.h"

#define RADIUS 1.0
#define RING_INNER 1.32
#define RING_OUTER 2.35

static const struct vec3 sun = {-0.72, 0.34, -0.60};
static const struct vec3 axis = {0.30, 0.90, -0.32}; /* the rings lie across it */

struct view {
	double ball, ring; /* distances along the ray; negative: not met */
	struct vec3 on_ball, on_ring;
};

static struct view look(double x, double y)
{
	struct vec3 from = vec((x - 0.667) * 3.55, (0.5 - y) * 3.55, -10), n = unit(axis);
	struct view view = {-1, -1, from, from};
	double d = RADIUS * RADIUS - from.x * from.x - from.y * from.y;

	/* All rays run straight into the picture. */
	if (d > 0) {
		view.ball = 10 - sqrt(d);
		view.on_ball = vec(from.x, from.y, -sqrt(d));
	}
	view.ring = -dot(from, n) / n.z;
	view.on_ring = vec(from.x, from.y, from.z + view.ring);
	double r = sqrt(dot(view.on_ring, view.on_ring));
	if (r < RING_INNER || r > RING_OUTER)
		view.ring = -1;
	return view;
}

static double ring_density(double radius)
{
	double t = (radius - RING_INNER) / (RING_OUTER - RING_INNER);
	double fine = 0.62 + 0.55 * noise_fbm(t * 26, 0.5, 6, 0.62, 500);
	double gap = 1 - 0.95 * smoothstep(0.018, 0.008, fabs(t - 0.66)),
	       narrow = 1 - 0.8 * smoothstep(0.006, 0.003, fabs(t - 0.90));
	double edge = smoothstep(0.0, 0.05, t) * smoothstep(1.0, 0.985, t);

	return clamp(fine * (0.25 + 0.85 * smoothstep(0.05, 0.36, t)), 0.03, 0.98) * gap * narrow *
	       edge;
}

/* Bands along the latitude, curled where they rub against each other. */
static struct vec3 cloud_colour(struct vec3 at)
{
	static const uint32_t bands[8] = {
		0xb98d66, 0xe9d3ac, 0xc99564, 0xf3e6cb, 0xd8ab78, 0xefdcb8, 0xa97b5a, 0xdcc09a};
	struct vec3 n = unit(axis), side = unit(cross(n, vec(0, 0, 1))), front = cross(side, n);
	double latitude = dot(at, n), u = dot(at, side), w = dot(at, front);
	double curl = noise_fbm3(u * 2.2, latitude * 9, w * 2.2, 5, 0.55, 510);
	double fine = noise_fbm3(u * 4 + curl, latitude * 24 + curl * 2, w * 4, 5, 0.6, 511);
	double place = (latitude + 1) * 6.3 + 0.42 * curl + 0.12 * fine;
	int i = floor_int(place);
	double t = smoothstep(0.25, 0.75, place - i);
	struct vec3 colour =
		mix3(picture_colour(bands[i & 7]), picture_colour(bands[(i + 1) & 7]), t);
	/* One great storm. */
	double du = u + 0.30, dl = (latitude + 0.34) * 1.9,
	       storm = exponential(-(du * du + dl * dl) * 55);
	double swirl =
		0.5 + 0.5 * sine(30 * sqrt(du * du + dl * dl) + 5 * arc_tangent(dl, du) + 3 * curl);
	colour = mix3(colour, mix3(picture_colour(0xb4553a), picture_colour(0xe09a6c), swirl),
		clamp(storm * 1.2, 0, 1));
	return scale(colour, 1 + 0.16 * fine);
}

static struct vec3 shade_ball(struct vec3 at)
{
	struct vec3 to_sun = unit(sun), n = unit(axis);
	double light = smoothstep(-0.06, 1.0, dot(at, to_sun)) * 1.25;
	/* The rings' shadow: where the way to the sun goes through them. */
	double t = -dot(at, n) / dot(to_sun, n);
	if (t > 0) {
		struct vec3 through = add(at, scale(to_sun, t));
		double r = sqrt(dot(through, through));
		if (r > RING_INNER && r < RING_OUTER)
			light *= 1 - 0.8 * ring_density(r);
	}
	double rim = power(1 + at.z, 3);
	struct vec3 colour = scale(cloud_colour(at), light + 0.012);
	return add(colour, scale(picture_colour(0xbcd4ff), rim * 0.14 * light));
}

static struct vec3 shade_ring(struct vec3 at)
{
	struct vec3 to_sun = unit(sun);
	double r = sqrt(dot(at, at)), b = dot(at, to_sun),
	       miss = sqrt(clamp(r * r - b * b, 0, 100));
	double lit = b < 0 ? smoothstep(0.965, 1.03, miss) : 1;
	struct vec3 dust = mix3(picture_colour(0xcdb48f), picture_colour(0xefe3cd),
		noise_fbm(r * 21, 0.2, 4, 0.6, 520) + 0.5);

	return scale(dust, 0.05 + 0.95 * lit);
}

double scene_planet_alpha(const void *state, double x, double y)
{
	struct view view = look(x, y);

	(void)state;
	if (view.ball > 0)
		return 1;
	return view.ring > 0 ? ring_density(sqrt(dot(view.on_ring, view.on_ring))) : 0;
}

struct vec3 scene_planet(const void *state, double x, double y)
{
	struct view view = look(x, y);
	struct vec3 colour = vec(0, 0, 0);

	(void)state;
	if (view.ball > 0)
		colour = shade_ball(view.on_ball);
	if (view.ring > 0 && (view.ball < 0 || view.ring < view.ball)) {
		double density =
			view.ball > 0 ? ring_density(sqrt(dot(view.on_ring, view.on_ring))) : 1;
		colour = mix3(colour, shade_ring(view.on_ring), density);
	}
	return picture_tone(colour);
}
