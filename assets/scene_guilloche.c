/* The engraved lines of a banknote: rosettes of many shifted waves over a ground of fine ripples.
 */
#include "scenes.h"

#define PAPER 0xf6f0dd
#define HAIR 0.0011 /* width of a line */

struct rosette {
	double x, y, radius, swing;
	int petals, lines;
	uint32_t ink;
};

static const struct rosette rosettes[] = {
	{0.75, 0.50, 0.285, 0.095, 12, 22, 0x1d3f72},
	{0.75, 0.50, 0.150, 0.085, 8, 18, 0x7c2440},
	{0.75, 0.50, 0.052, 0.030, 6, 8, 0x1d3f72},
	{0.25, 0.50, 0.115, 0.050, 9, 14, 0x2e6b57},
	{0.25, 0.50, 0.050, 0.034, 5, 9, 0x7c2440},
	{1.25, 0.50, 0.115, 0.050, 9, 14, 0x2e6b57},
	{1.25, 0.50, 0.050, 0.034, 5, 9, 0x7c2440},
};

static double hair(double away, double width)
{
	return 1 - smoothstep(width * 0.5 - 0.0003, width * 0.5 + 0.0004, fabs(away));
}

static double rosette_ink(const struct rosette *rosette, double x, double y)
{
	double dx = x - rosette->x, dy = y - rosette->y, r = sqrt(dx * dx + dy * dy), ink = 0;

	if (r > rosette->radius + rosette->swing + HAIR ||
		r < rosette->radius - rosette->swing - HAIR)
		return 0;
	/* Each line is a little further round than the one before: turning by that step is cheaper
	 * than a cosine. */
	double angle = arc_tangent(dy, dx) * rosette->petals, step = 2 * PI / rosette->lines;
	double turn = cosine(step), rise = sine(step), c = 1, s = 0, wave = cosine(angle),
	       across = sine(angle);
	for (int i = 0; i < rosette->lines; i++) {
		double swing = rosette->swing * (0.55 + 0.45 * c),
		       slope = swing * rosette->petals * across / (r + 1e-6);
		double away = r - rosette->radius - swing * wave;
		double here = hair(away / sqrt(1 + slope * slope), HAIR);
		ink = here > ink ? here : ink;
		double next = c * turn - s * rise;
		s = s * turn + c * rise;
		c = next;
		next = wave * turn - across * rise;
		across = across * turn + wave * rise;
		wave = next;
	}
	return ink;
}

/* Two families of waves whose crossings make the moire that copiers can not keep. */
static double ground(double x, double y)
{
	double a = y + 0.012 * sine(x * 21) + 0.006 * sine(x * 57 + y * 9),
	       b = y - 0.012 * sine(x * 21 + 1.1);
	double pitch = 0.0125, first = a / pitch - floor(a / pitch + 0.5),
	       second = b / pitch - floor(b / pitch + 0.5);
	double one = hair(first * pitch, HAIR * 0.8), two = hair(second * pitch, HAIR * 0.8);

	return one > two ? one : two;
}

/* A braid along the edge. */
static double braid(double along, double across)
{
	double ink = 0;

	for (int i = 0; i < 6; i++) {
		double phase = along * 2 * PI / 0.125 + i * 2 * PI / 6,
		       slope = 0.018 * 2 * PI / 0.125 * cosine(phase);
		double here = hair((across - 0.018 * sine(phase)) / sqrt(1 + slope * slope), HAIR);
		ink = here > ink ? here : ink;
	}
	return ink;
}

struct vec3 scene_guilloche(const void *state, double x, double y)
{
	struct vec3 colour = picture_colour(PAPER);
	double side = x < 1.5 - x ? x : 1.5 - x, end = y < 1 - y ? y : 1 - y;

	(void)state;
	if (side > 0.085 && end > 0.085)
		colour = mix3(colour, picture_colour(0x8fae9c), 0.8 * ground(x, y));
	for (size_t i = 0; i < sizeof(rosettes) / sizeof(*rosettes); i++)
		colour = mix3(
			colour, picture_colour(rosettes[i].ink), rosette_ink(&rosettes[i], x, y));
	double edge = fabs((side < end ? side : end) - 0.05);
	if (edge < 0.024 && side > 0.026 && end > 0.026) {
		double ink = side < end ? braid(y, side - 0.05) : braid(x, end - 0.05);
		colour = mix3(colour, picture_colour(0x1d3f72), ink);
	}
	double frame = hair(edge - 0.026, HAIR * 2);
	if ((side < end ? side : end) > 0.02)
		colour = mix3(colour, picture_colour(0x1d3f72), frame);
	return colour;
}
