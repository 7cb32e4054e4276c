/* assets/maths.h - elementary functions whose results are the same on every machine.
 * The committed pictures must come out byte for byte again, and libm picks its code by the
 * processor, so the last bit of a sine differs between two machines with one library. Here only + -
 * * / and sqrt are used, which IEEE 754 fixes (together with -ffp-contract=off). Good to about
 * 1e-9, which is plenty for pixels.
 *
 * Angles are radians. Nothing here fails; arguments outside the domain give some finite number. */
#ifndef MURAL_ASSETS_MATHS_H
#define MURAL_ASSETS_MATHS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define PI 3.14159265358979323846

struct vec3 {
	double x, y, z;
};

static inline double clamp(double v, double low, double high)
{
	return v < low ? low : v > high ? high : v;
}

static inline double mix(double a, double b, double t)
{
	return a + (b - a) * t;
}

static inline double smoothstep(double from, double to, double v)
{
	double t = clamp((v - from) / (to - from), 0.0, 1.0);

	return t * t * (3.0 - 2.0 * t);
}

/* Only for |v| below 2^31, where a cast is much cheaper than a call. */
static inline int floor_int(double v)
{
	int i = (int)v;

	return i - (v < i);
}

static inline double sine(double angle)
{
	double turns = angle * (1.0 / (2.0 * PI));
	double x = (turns - floor(turns + 0.5)) * (2.0 * PI);

	/* Fold into [-pi/2, pi/2], where the series converges quickly. */
	if (x > PI / 2)
		x = PI - x;
	else if (x < -PI / 2)
		x = -PI - x;
	double x2 = x * x;

	return x *
	       (1.0 + x2 * (-1.0 / 6 +
				   x2 * (1.0 / 120 +
						x2 * (-1.0 / 5040 +
							     x2 * (1.0 / 362880 -
									  x2 * (1.0 / 39916800 -
										       x2 / 6227020800.0))))));
}

static inline double cosine(double angle)
{
	return sine(angle + PI / 2);
}

static inline double power_of_two(double v)
{
	v = clamp(v, -1000.0, 1000.0);
	double whole = floor(v + 0.5);
	double x = (v - whole) * 0.69314718055994530942;
	double p =
		1.0 +
		x * (1.0 + x * (1.0 / 2 +
				       x * (1.0 / 6 +
						   x * (1.0 / 24 +
							       x * (1.0 / 120 +
									   x * (1.0 / 720 +
										       x * (1.0 / 5040 +
												   x * (1.0 / 40320))))))));
	uint64_t bits = (uint64_t)(int64_t)(1023 + whole) << 52;
	double scale;

	memcpy(&scale, &bits, sizeof(scale));
	return p * scale;
}

static inline double log_two(double v)
{
	if (!(v > 1e-300))
		return -1000.0;
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	int exponent = (int)(bits >> 52) - 1023;
	bits = (bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL;
	double m;
	memcpy(&m, &bits, sizeof(m));
	if (m > 1.41421356237309504880) {
		m *= 0.5;
		exponent++;
	}
	double s = (m - 1.0) / (m + 1.0), s2 = s * s;

	return exponent +
	       2.88539008177792681472 * s *
		       (1.0 + s2 * (1.0 / 3 +
					   s2 * (1.0 / 5 +
							s2 * (1.0 / 7 +
								     s2 * (1.0 / 9 +
										  s2 * (1.0 / 11))))));
}

static inline double exponential(double v)
{
	return power_of_two(v * 1.44269504088896340736);
}

static inline double logarithm(double v)
{
	return log_two(v) * 0.69314718055994530942;
}

/* @base below 0 counts as 0. */
static inline double power(double base, double exponent)
{
	return base <= 0.0 ? 0.0 : power_of_two(exponent * log_two(base));
}

static inline double arc_tangent(double y, double x)
{
	double ax = fabs(x), ay = fabs(y);
	double small = ax < ay ? ax : ay, big = ax < ay ? ay : ax;
	double q = big > 0 ? small / big : 0.0;
	/* Half the angle, so that the series has little to do. */
	double h = q / (1.0 + sqrt(1.0 + q * q)), h2 = h * h;
	double a =
		2.0 * h *
		(1.0 - h2 * (1.0 / 3 -
				    h2 * (1.0 / 5 -
						 h2 * (1.0 / 7 -
							      h2 * (1.0 / 9 -
									   h2 * (1.0 / 11 -
											h2 * (1.0 / 13 -
												     h2 * (1.0 / 15 -
														  h2 / 17))))))));

	if (ay > ax)
		a = PI / 2 - a;
	if (x < 0)
		a = PI - a;
	return y < 0 ? -a : a;
}

static inline struct vec3 vec(double x, double y, double z)
{
	return (struct vec3){x, y, z};
}

static inline struct vec3 add(struct vec3 a, struct vec3 b)
{
	return vec(a.x + b.x, a.y + b.y, a.z + b.z);
}

static inline struct vec3 sub(struct vec3 a, struct vec3 b)
{
	return vec(a.x - b.x, a.y - b.y, a.z - b.z);
}

static inline struct vec3 mul(struct vec3 a, struct vec3 b)
{
	return vec(a.x * b.x, a.y * b.y, a.z * b.z);
}

static inline struct vec3 scale(struct vec3 a, double by)
{
	return vec(a.x * by, a.y * by, a.z * by);
}

static inline double dot(struct vec3 a, struct vec3 b)
{
	return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline struct vec3 cross(struct vec3 a, struct vec3 b)
{
	return vec(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}

static inline struct vec3 unit(struct vec3 a)
{
	return scale(a, 1.0 / sqrt(dot(a, a) + 1e-300));
}

static inline struct vec3 mix3(struct vec3 a, struct vec3 b, double t)
{
	return add(a, scale(sub(b, a), t));
}

#endif
