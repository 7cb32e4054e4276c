/* How long after memory was short one asks ahead again. */
#include "viewer/calm.h"

#include <criterion/criterion.h>

static struct calm calm;

Test(calm, pressure_counts_at_once)
{
	calm_tell(&calm, MURAL_PRESSURE_MODERATE, 1000);
	cr_expect_eq(calm.level, MURAL_PRESSURE_MODERATE);
	calm_tell(&calm, MURAL_PRESSURE_CRITICAL, 1001);
	cr_expect_eq(calm.level, MURAL_PRESSURE_CRITICAL);
	calm_tell(&calm, MURAL_PRESSURE_MODERATE, 1002);
	cr_expect_eq(calm.level, MURAL_PRESSURE_MODERATE);
	cr_expect_eq(calm_timeout(&calm, 1003), -1);
}

Test(calm, its_end_counts_when_it_has_lasted)
{
	calm_tell(&calm, MURAL_PRESSURE_MODERATE, 1000);
	calm_tell(&calm, MURAL_PRESSURE_NONE, 2000);
	cr_expect_eq(calm_timeout(&calm, 2000), CALM_MS);
	calm_tick(&calm, 2000 + CALM_MS - 1);
	cr_expect_eq(calm.level, MURAL_PRESSURE_MODERATE);
	calm_tick(&calm, 2000 + CALM_MS);
	cr_expect_eq(calm.level, MURAL_PRESSURE_NONE);
	cr_expect_eq(calm_timeout(&calm, 2000 + CALM_MS), -1);
}

Test(calm, pressure_meanwhile_begins_it_anew)
{
	calm_tell(&calm, MURAL_PRESSURE_MODERATE, 1000);
	calm_tell(&calm, MURAL_PRESSURE_NONE, 2000);
	calm_tell(&calm, MURAL_PRESSURE_MODERATE, 3000);
	cr_expect_eq(calm_timeout(&calm, 3000), -1);
	calm_tell(&calm, MURAL_PRESSURE_NONE, 4000);
	cr_expect_eq(calm_timeout(&calm, 4000), CALM_MS);
	calm_tell(&calm, MURAL_PRESSURE_NONE, 5000);
	cr_expect_eq(calm_timeout(&calm, 5000), CALM_MS - 1000, "told twice is not told anew");
}

static uint64_t press_again(uint64_t now)
{
	calm_tell(&calm, MURAL_PRESSURE_MODERATE, now);
	calm_tell(&calm, MURAL_PRESSURE_NONE, now);
	int wait = calm_timeout(&calm, now);
	calm_tick(&calm, now + (uint64_t)wait);
	cr_assert_eq(calm.level, MURAL_PRESSURE_NONE);
	return (uint64_t)wait;
}

Test(calm, what_bounces_waits_longer_and_longer)
{
	uint64_t now = 1000, wait = press_again(now);
	cr_expect_eq(wait, CALM_MS);
	for (int i = 0; i < 10; i++) {
		now += wait + 1000;
		uint64_t longer = press_again(now);
		cr_expect(longer == CALM_MAX_MS || longer == 2 * wait);
		wait = longer;
	}
	cr_expect_eq(wait, CALM_MAX_MS);
	cr_expect_eq(press_again(now + wait + CALM_MAX_MS), CALM_MS, "after a minute of peace");
}
