/* libjpeg asks its memory manager for one array of blocks for each component, and then for a row of
 * MCUs of it at a time, to write or to read. All of that are methods that can be replaced: here the
 * rows that are asked for are the only whole blocks there are, and what is kept of them when other
 * rows are asked for is the first coefficient. */
#include "jpeg_means.h"

#include <jerror.h>
#include <stdbool.h>
#include <string.h>

/* What libjpeg takes for its jvirt_barray_ptr. All of it is in its pool of the image. */
struct means {
	JDIMENSION across, down; /* blocks */
	JDIMENSION height;       /* of @rows */
	JCOEF *kept;             /* @across * @down */
	JBLOCKARRAY rows;
	JDIMENSION first, count; /* which rows those are */
	bool written;
	bool fine; /* by a scan of other coefficients, which are to be forgotten */
};

static jvirt_barray_ptr request(j_common_ptr cinfo, int pool, boolean pre_zero, JDIMENSION across,
	JDIMENSION down, JDIMENSION height)
{
	(void)pre_zero; /* always */
	struct means *means = cinfo->mem->alloc_small(cinfo, pool, sizeof(*means));
	size_t bytes = (size_t)across * down * sizeof(*means->kept);
	*means = (struct means){
		.across = across,
		.down = down,
		.height = height,
		.kept = cinfo->mem->alloc_large(cinfo, pool, bytes),
		.rows = cinfo->mem->alloc_barray(cinfo, pool, across, height),
	};
	memset(means->kept, 0, bytes);
	for (JDIMENSION y = 0; y < height; y++)
		memset(means->rows[y], 0, across * sizeof(JBLOCK));
	return (jvirt_barray_ptr)means;
}

static void keep(struct means *means)
{
	for (JDIMENSION y = 0; y < means->count; y++) {
		JCOEF *kept = means->kept + (size_t)(means->first + y) * means->across;
		for (JDIMENSION x = 0; x < means->across; x++)
			kept[x] = means->rows[y][x][0];
		if (means->fine)
			memset(means->rows[y], 0, means->across * sizeof(JBLOCK));
	}
}

static void fetch(struct means *means, JDIMENSION first, JDIMENSION count)
{
	means->first = first;
	means->count = count;
	for (JDIMENSION y = 0; y < count; y++) {
		const JCOEF *kept = means->kept + (size_t)(first + y) * means->across;
		for (JDIMENSION x = 0; x < means->across; x++)
			means->rows[y][x][0] = kept[x];
	}
}

static JBLOCKARRAY give_access(j_common_ptr cinfo, jvirt_barray_ptr array, JDIMENSION first,
	JDIMENSION count, boolean writable)
{
	struct means *means = (struct means *)array;
	if (count > means->height || count > means->down || first > means->down - count)
		ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
	if (means->written)
		keep(means);
	fetch(means, first, count);
	means->written = writable;
	means->fine = ((j_decompress_ptr)cinfo)->Ss > 0;
	return means->rows;
}

void jpeg_means_only(j_decompress_ptr cinfo)
{
	cinfo->mem->request_virt_barray = request;
	cinfo->mem->access_virt_barray = give_access;
}

static uint64_t round_up(uint64_t value, int unit)
{
	return (value + (unsigned)unit - 1) / (unsigned)unit * (unsigned)unit;
}

uint64_t jpeg_means_memory(const struct jpeg_decompress_struct *cinfo)
{
	uint64_t bytes = 0;
	for (int i = 0; i < cinfo->num_components; i++) {
		const jpeg_component_info *component = &cinfo->comp_info[i];
		uint64_t across = round_up(component->width_in_blocks, component->h_samp_factor);
		uint64_t down = round_up(component->height_in_blocks, component->v_samp_factor);
		/* libjpeg asks for rows of several MCUs where it might smooth: at most 5. */
		uint64_t height = 5 * (uint64_t)component->v_samp_factor;
		bytes += across * down * sizeof(JCOEF) + across * height * sizeof(JBLOCK);
	}
	return bytes;
}
