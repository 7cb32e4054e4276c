/* See thrash.h. */
#include "thrash.h"

#define HALF_NS 2e9
#define ON_SHARE 0.25
#define OFF_SHARE 0.10

/* What a steady share of one processor adds up to while it fades: share * HALF_NS / ln 2. */
static double spent_at(double share)
{
	return share * HALF_NS / 0.6931471805599453;
}

/* spent * 2^(-passed / HALF_NS); the pool does without libm, and a thousandth does not matter. */
static double fade(double spent, double passed)
{
	for (; passed >= HALF_NS && spent >= 1; passed -= HALF_NS)
		spent /= 2;
	double part = passed < HALF_NS ? passed / HALF_NS : 1;
	return spent * (1 - part * (0.6931 - part * (0.2402 - part * 0.0471)));
}

bool thrash_look(struct thrash *thrash, uint64_t now_ns)
{
	if (now_ns > thrash->at_ns) {
		thrash->spent_ns = fade(thrash->spent_ns, (double)(now_ns - thrash->at_ns));
		thrash->at_ns = now_ns;
	}
	if (!thrash->on && thrash->spent_ns >= spent_at(ON_SHARE)) {
		thrash->on = true;
		thrash->times++;
	} else if (thrash->on && thrash->spent_ns < spent_at(OFF_SHARE)) {
		thrash->on = false;
	}
	return thrash->on;
}

void thrash_bounce(struct thrash *thrash, uint64_t cost_ns, uint64_t now_ns)
{
	thrash_look(thrash, now_ns);
	thrash->bounces++;
	thrash->spent_ns += (double)cost_ns;
	thrash_look(thrash, now_ns);
}
