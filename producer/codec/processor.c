/* libjpeg-turbo asks once in each thread what the processor can do, when that thread first needs to
 * know. On arm64 it opens /proc/cpuinfo for that, which is the end of a decoder that is shut in.
 * Nothing in its interface asks for this alone; beginning to write a JPEG does, and takes 3 us. */
#include "producer/codec.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

struct asking {
	struct jpeg_compress_struct cinfo;
	struct jpeg_error_mgr errors;
	unsigned char *file;
	unsigned long size;
	jmp_buf escape;
};

_Noreturn static void error_exit(j_common_ptr cinfo)
{
	longjmp(((struct asking *)cinfo->client_data)->escape, 1);
}

static void begin_to_write(struct asking *asking)
{
	struct jpeg_compress_struct *cinfo = &asking->cinfo;
	jpeg_create_compress(cinfo);
	jpeg_mem_dest(cinfo, &asking->file, &asking->size);
	cinfo->image_width = cinfo->image_height = 8;
	cinfo->input_components = 3;
	cinfo->in_color_space = JCS_RGB;
	jpeg_set_defaults(cinfo);
	jpeg_start_compress(cinfo, TRUE);
}

void codec_prepare_thread(void)
{
	struct asking asking = {0};
	asking.cinfo.err = jpeg_std_error(&asking.errors);
	asking.cinfo.client_data = &asking;
	asking.errors.error_exit = error_exit;
	if (!setjmp(asking.escape)) /* otherwise there is no memory, and will be none to decode */
		begin_to_write(&asking);
	jpeg_destroy_compress(&asking.cinfo);
	free(asking.file);
}
