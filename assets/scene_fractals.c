/* Escape-time fractals with continuous colours, and shading from the distance to the set. */
#include "scenes.h"

struct escape {
	double count;            /* of steps, with a fraction; negative: never escaped */
	double slope_x, slope_y; /* the way out, as a unit vector: a surface to shade */
	double distance;         /* to the set */
};

/* Iterates z = z^2 + c. For Mandelbrot's set the derivative is by c, for Julia's by the starting
 * point. */
static struct escape iterate(double zx, double zy, double cx, double cy, int by_c, int limit)
{
	double dx = by_c ? 0 : 1, dy = 0;

	for (int n = 0; n < limit; n++) {
		double ndx = 2 * (zx * dx - zy * dy) + by_c, ndy = 2 * (zx * dy + zy * dx);
		double nx = zx * zx - zy * zy + cx, ny = 2 * zx * zy + cy;
		dx = ndx;
		dy = ndy;
		zx = nx;
		zy = ny;
		double r2 = zx * zx + zy * zy;
		if (r2 > 1e6) {
			double r = sqrt(r2), d2 = dx * dx + dy * dy + 1e-300;
			/* z / z' points away from the set. */
			double ux = (zx * dx + zy * dy) / d2, uy = (zy * dx - zx * dy) / d2,
			       length = sqrt(ux * ux + uy * uy);
			return (struct escape){n + 1 - log_two(0.5 * log_two(r2)), ux / length,
				uy / length, 2 * r * logarithm(r) / sqrt(d2)};
		}
	}
	return (struct escape){.count = -1};
}

/* Runs smoothly through @count colours, around and around. */
static struct vec3 palette(const uint32_t *colours, int count, double at)
{
	double place = (at - floor(at)) * count;
	int i = (int)place;
	double t = place - i;

	return mix3(picture_colour(colours[i % count]), picture_colour(colours[(i + 1) % count]),
		t * t * (3 - 2 * t));
}

static double relief(const struct escape *escape)
{
	/* Light from the upper left, a little above the plane. */
	return clamp((-0.6 * escape->slope_x + 0.6 * escape->slope_y + 1.1) / 1.95, 0, 1);
}

struct vec3 scene_mandelbrot(const void *state, double x, double y)
{
	static const uint32_t colours[] = {
		0x0b1d3a, 0x14508a, 0x4fb3d9, 0xf7f3e3, 0xf4b942, 0xc8552b, 0x5a1836};
	double scale_by = 0.0062, cx = -0.74542 + (x - 0.75) * scale_by,
	       cy = 0.11282 - (y - 0.5) * scale_by;
	struct escape escape = iterate(0, 0, cx, cy, 1, 2500);

	(void)state;
	if (escape.count < 0)
		return picture_colour(0x05060c);
	struct vec3 colour = palette(colours, 7, power(escape.count, 0.52) * 0.115 + 0.12);
	double edge = smoothstep(0.0, 0.0012, escape.distance / scale_by);

	return scale(colour, (0.35 + 0.85 * relief(&escape)) * mix(0.25, 1.0, edge));
}

struct vec3 scene_julia(const void *state, double x, double y)
{
	static const uint32_t colours[] = {
		0x1a0b2e, 0x52154e, 0xa8325e, 0xee7f53, 0xfbe3a3, 0x6fb7a3, 0x20506b};
	/* Turned, so that the spirals lie along the picture's diagonal. */
	double u = (x - 0.75) * 2.05, v = (0.5 - y) * 2.05;
	double zx = u * 0.94 - v * 0.34, zy = u * 0.34 + v * 0.94;
	struct escape escape = iterate(zx, zy, -0.7746, 0.1244, 0, 1500);

	(void)state;
	if (escape.count < 0)
		return picture_colour(0x0a0510);
	struct vec3 colour = palette(colours, 7, power(escape.count, 0.6) * 0.085 + 0.02);
	double edge = smoothstep(0.0, 0.004, escape.distance);

	return scale(colour, (0.4 + 0.8 * relief(&escape)) * mix(0.35, 1.0, edge));
}
