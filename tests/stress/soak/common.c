/* Choices, checksums, connections. */
#include "soak.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* splitmix64 spreads neighbouring numbers; xorshift64* goes on from there. */
struct soak_dice soak_dice(uint64_t seed, uint64_t number)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + number + 1;
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (struct soak_dice){(x ^ (x >> 31)) | 1};
}

uint32_t soak_below(struct soak_dice *dice, uint32_t limit)
{
	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	return (uint32_t)((dice->state * UINT64_C(2685821657736338717)) >> 33) % limit;
}

void soak_wrong(struct soak *soak, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	soak->shared->wrong++;
	fprintf(stderr, "WRONG, process %d: %s\n", (int)getpid(), text);
}

bool soak_has_happened(const struct soak *soak)
{
	return soak->shared->checks > 0 && soak->shared->redecodes > 0;
}

int soak_open(void (*on_event)(struct mural *, enum mural_event, int, void *), void *user,
	struct mural **ret)
{
	/* Half of what the pictures need. It ends by itself if the soak is killed. */
	static const char *const args[] = {
		"--budget", "48M", "--idle-ms", "20", "--workers", "2", "--idle-exit", "60", NULL};
	const struct mural_options options = {
		.producer_args = args, .on_event = on_event, .user = user, .name = "soak"};
	return mural_open(&options, ret);
}
