/* A growing array of numbers, and its quantiles. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

void bench_samples_add(struct bench_samples *samples, double value)
{
	if (samples->count == samples->capacity) {
		samples->capacity = samples->capacity ? 2 * samples->capacity : 16;
		samples->value =
			realloc(samples->value, samples->capacity * sizeof(*samples->value));
		bench_must(samples->value != NULL, "memory for samples");
	}
	samples->value[samples->count++] = value;
}

static int ascending(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

double bench_samples_quantile(const struct bench_samples *samples, double part)
{
	if (samples->count == 0)
		return 0;
	double *sorted = malloc(samples->count * sizeof(*sorted));
	bench_must(sorted != NULL, "memory for samples");
	memcpy(sorted, samples->value, samples->count * sizeof(*sorted));
	qsort(sorted, samples->count, sizeof(*sorted), ascending);
	double at = part * (double)(samples->count - 1);
	size_t below = (size_t)at, above = below + 1 < samples->count ? below + 1 : below;
	double value = sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
	free(sorted);
	return value;
}

bool bench_samples_have_p99(const struct bench_samples *samples)
{
	return samples->count >= 100;
}

void bench_samples_fini(struct bench_samples *samples)
{
	free(samples->value);
	*samples = (struct bench_samples){0};
}
