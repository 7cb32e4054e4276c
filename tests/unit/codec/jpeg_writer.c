#include "jpeg_writer.h"

struct jpeg_compress_struct *jpeg_writer_begin(
	struct jpeg_writer *writer, unsigned width, unsigned height, int components)
{
	*writer = (struct jpeg_writer){.data = NULL};
	struct jpeg_compress_struct *cinfo = &writer->cinfo;
	cinfo->err = jpeg_std_error(&writer->errors);
	jpeg_create_compress(cinfo);
	jpeg_mem_dest(cinfo, &writer->data, &writer->size);
	cinfo->image_width = width;
	cinfo->image_height = height;
	cinfo->input_components = components;
	cinfo->in_color_space = components == 1   ? JCS_GRAYSCALE
				: components == 3 ? JCS_RGB
						  : JCS_CMYK;
	jpeg_set_defaults(cinfo);
	return cinfo;
}

struct bytes jpeg_writer_end(struct jpeg_writer *writer)
{
	jpeg_finish_compress(&writer->cinfo);
	jpeg_destroy_compress(&writer->cinfo);
	return (struct bytes){writer->data, writer->size};
}
