/* libjpeg's source manager never suspends here. At the end of the file it has to be given
 * something: an EOI marker makes every part of libjpeg come to an end by itself; that it was not
 * the file's own is remembered. */
#include "jpeg_source.h"

static struct jpeg_source *source_of(j_decompress_ptr cinfo)
{
	return (struct jpeg_source *)(void *)cinfo->src;
}

static void init_source(j_decompress_ptr cinfo)
{
	(void)cinfo;
}

static boolean fill_input_buffer(j_decompress_ptr cinfo)
{
	static const JOCTET end_of_image[] = {0xff, JPEG_EOI};
	struct jpeg_source *jpeg_source = source_of(cinfo);
	int64_t got = jpeg_source->ended ? 0
					 : source_read(jpeg_source->source, jpeg_source->buffer,
						   sizeof(jpeg_source->buffer));
	if (got > 0) {
		jpeg_source->manager.next_input_byte = jpeg_source->buffer;
		jpeg_source->manager.bytes_in_buffer = (size_t)got;
		return TRUE;
	}
	if (got < 0)
		jpeg_source->error = (int)got;
	if (!jpeg_source->ended) {
		jpeg_source->ended = true;
		jpeg_source->ended_scan = cinfo->input_scan_number;
		jpeg_source->ended_imcu_row = cinfo->input_iMCU_row;
	}
	jpeg_source->manager.next_input_byte = end_of_image;
	jpeg_source->manager.bytes_in_buffer = sizeof(end_of_image);
	return TRUE;
}

static void skip_input_data(j_decompress_ptr cinfo, long count)
{
	struct jpeg_source_mgr *manager = cinfo->src;
	if (count <= 0)
		return;
	/* A marker's length is at most 65533: what the buffer lacks is little, and reading it
	 * notices the end of the file. */
	while ((size_t)count > manager->bytes_in_buffer) {
		count -= (long)manager->bytes_in_buffer;
		fill_input_buffer(cinfo);
		if (source_of(cinfo)->ended)
			return;
	}
	manager->next_input_byte += count;
	manager->bytes_in_buffer -= (size_t)count;
}

static void term_source(j_decompress_ptr cinfo)
{
	(void)cinfo;
}

void jpeg_source_init(
	struct jpeg_source *jpeg_source, struct source *source, j_decompress_ptr cinfo)
{
	jpeg_source->source = source;
	jpeg_source->manager = (struct jpeg_source_mgr){
		.init_source = init_source,
		.fill_input_buffer = fill_input_buffer,
		.skip_input_data = skip_input_data,
		.resync_to_restart = jpeg_resync_to_restart,
		.term_source = term_source,
	};
	cinfo->src = &jpeg_source->manager;
}

uint8_t jpeg_source_byte(j_decompress_ptr cinfo)
{
	struct jpeg_source_mgr *manager = cinfo->src;
	if (manager->bytes_in_buffer == 0)
		fill_input_buffer(cinfo);
	manager->bytes_in_buffer--;
	return *manager->next_input_byte++;
}
