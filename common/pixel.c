/* Pixel formats and checked bitmap sizes: every width x height in the project goes through here. */
#include <mural/pixel.h>

unsigned mural_format_bytes(uint32_t format)
{
	switch (format) {
	case MURAL_FORMAT_XRGB8888:
	case MURAL_FORMAT_ARGB8888:
		return 4;
	case MURAL_FORMAT_RGB565:
		return 2;
	default:
		return 0;
	}
}

const char *mural_format_name(uint32_t format)
{
	switch (format) {
	case MURAL_FORMAT_XRGB8888:
		return "XRGB8888";
	case MURAL_FORMAT_ARGB8888:
		return "ARGB8888";
	case MURAL_FORMAT_RGB565:
		return "RGB565";
	default:
		return NULL;
	}
}

bool mural_bitmap_layout(uint32_t format, uint32_t width, uint32_t height,
	uint32_t *ret_stride_bytes, uint64_t *ret_size_bytes)
{
	unsigned bytes = mural_format_bytes(format);
	if (bytes == 0 || width == 0 || height == 0 || width > MURAL_SIDE_MAX ||
		height > MURAL_SIDE_MAX)
		return false;
	/* 65535 * 4 and 262140 * 65535 fit their types: nothing below can overflow. */
	uint32_t stride = (width * bytes + 3u) & ~3u;
	*ret_stride_bytes = stride;
	*ret_size_bytes = (uint64_t)stride * height;
	return true;
}

static uint32_t scaled(uint32_t side, uint32_t numerator, uint32_t denominator)
{
	uint64_t rounded = ((uint64_t)side * numerator + denominator / 2) / denominator;
	return rounded == 0 ? 1 : (uint32_t)rounded;
}

void mural_fit(uint32_t width, uint32_t height, uint32_t box_width, uint32_t box_height,
	uint32_t *ret_width, uint32_t *ret_height)
{
	if (box_width == 0 || box_width > width)
		box_width = width;
	if (box_height == 0 || box_height > height)
		box_height = height;
	/* Compare box_width / width with box_height / height without dividing: the smaller ratio
	 * binds. */
	if ((uint64_t)box_width * height <= (uint64_t)box_height * width) {
		uint32_t fitted = scaled(height, box_width, width);
		*ret_width = box_width;
		*ret_height = fitted < box_height ? fitted : box_height;
	} else {
		uint32_t fitted = scaled(width, box_height, height);
		*ret_height = box_height;
		*ret_width = fitted < box_width ? fitted : box_width;
	}
}
