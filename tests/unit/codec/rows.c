/* Where rows wait that are read again. */
#include "row_sink.h"

#include <criterion/criterion.h>
#include <mural/pixel.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* libjpeg-turbo writes past the caches what begins at a multiple of its vectors, of which the
 * smallest have 16 bytes. */
static bool lies_between_vectors(const uint8_t *row)
{
	return (uintptr_t)row % 16 == 8;
}

static void expect_between(const struct row_shape *shape, int fd)
{
	const bool turned = shape->orientation >= 5;
	struct picture_target target = {
		.width = turned ? shape->fitted_height : shape->fitted_width,
		.height = turned ? shape->fitted_width : shape->fitted_height,
		.format = shape->format,
		.fd = fd,
	};
	uint64_t size;
	cr_assert(mural_bitmap_layout(
		target.format, target.width, target.height, &target.stride_bytes, &size));
	target.pixels = malloc(size);
	struct row_sink sink;
	cr_assert_eq(row_sink_init(&sink, shape, &target), 0);
	if (fd >= 0)
		cr_assert(row_sink_make_pages(&sink));
	cr_expect(lies_between_vectors(row_sink_place(&sink)), "orientation %u, %u rows of %u",
		shape->orientation, shape->height, shape->width);
	row_sink_fini(&sink);
	free(target.pixels);
}

Test(rows, that_are_read_again_lie_where_libjpeg_leaves_them_in_the_caches)
{
	int fd = memfd_create("mural-test", MFD_CLOEXEC);
	cr_assert_geq(fd, 0);
	/* malloc gives multiples of 32 half of the time: several widths meet both. */
	for (uint32_t width = 400; width < 480; width += 4) {
		struct row_shape shape = {.width = width,
			.height = 300,
			.fitted_width = width,
			.fitted_height = 300,
			.orientation = 1,
			.format = MURAL_FORMAT_XRGB8888};
		expect_between(&shape, fd); /* a strip */
		shape.orientation = 2;
		expect_between(&shape, -1); /* one row */
		shape.orientation = 6;
		expect_between(&shape, -1); /* several */
		shape.orientation = 1;
		shape.fitted_width /= 2;
		shape.fitted_height /= 2;
		expect_between(&shape, -1); /* a row that is scaled */
	}
	close(fd);
}
