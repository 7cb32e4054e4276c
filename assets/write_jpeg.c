/* JPEG files through libjpeg. Its own error handler stays: it prints the reason and ends the
 * program, which is all that a generator can do. */
#include "write_jpeg.h"

#include <stdlib.h>

#include <jpeglib.h>

static const struct {
	J_COLOR_SPACE in, file;
	int components;
} spaces[] = {
	[JPEG_YCC] = {JCS_RGB, JCS_YCbCr, 3},
	[JPEG_GREY] = {JCS_GRAYSCALE, JCS_GRAYSCALE, 1},
	[JPEG_RGB] = {JCS_RGB, JCS_RGB, 3},
	[JPEG_CMYK] = {JCS_CMYK, JCS_CMYK, 4},
	[JPEG_YCCK] = {JCS_CMYK, JCS_YCCK, 4},
};

static void set_parameters(struct jpeg_compress_struct *jpeg, const struct jpeg_options *options)
{
	jpeg_set_defaults(jpeg);
	jpeg_set_colorspace(jpeg, spaces[options->space].file);
	jpeg_set_quality(jpeg, options->quality, TRUE);
	jpeg->dct_method = JDCT_ISLOW;
	jpeg->optimize_coding = !options->arithmetic && !options->one_pass;
	jpeg->arith_code = options->arithmetic != 0;
	jpeg->restart_in_rows = options->restart_rows;
	jpeg->restart_interval = options->restart_mcus;
	for (int i = 0; i < jpeg->num_components; i++) {
		/* Chroma is components 1 and 2; the K of YCCK is as fine as Y. */
		int chroma = jpeg->num_components >= 3 && (i == 1 || i == 2);
		jpeg->comp_info[i].h_samp_factor = chroma ? 1 : options->h;
		jpeg->comp_info[i].v_samp_factor = chroma ? 1 : options->v;
	}
	if (options->progressive)
		jpeg_simple_progression(jpeg);
}

void write_jpeg_rows(FILE *file, unsigned width, unsigned height,
	const struct jpeg_options *options, jpeg_row_fn *row, void *state)
{
	struct jpeg_compress_struct jpeg = {0};
	struct jpeg_error_mgr errors;
	uint8_t *samples = malloc((size_t)width * 4);

	if (!samples) {
		perror("make_assets");
		exit(1);
	}
	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_compress(&jpeg);
	jpeg_stdio_dest(&jpeg, file);
	jpeg.image_width = width;
	jpeg.image_height = height;
	jpeg.in_color_space = spaces[options->space].in;
	jpeg.input_components = spaces[options->space].components;
	set_parameters(&jpeg, options);
	jpeg_start_compress(&jpeg, TRUE);
	if (options->exif)
		jpeg_write_marker(
			&jpeg, JPEG_APP0 + 1, options->exif, (unsigned)options->exif_size);
	while (jpeg.next_scanline < height) {
		JSAMPROW rows[1] = {samples};
		row(state, jpeg.next_scanline, samples);
		jpeg_write_scanlines(&jpeg, rows, 1);
	}
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	free(samples);
}

struct picture_rows {
	const struct picture *picture;
	enum jpeg_space space;
};

static unsigned luma(const unsigned *rgb)
{
	return (rgb[0] * 299 + rgb[1] * 587 + rgb[2] * 114 + 500) / 1000;
}

/* All the grey that the three inks share goes to black, as a press would have it; then inverted. */
static void put_cmyk(const unsigned *rgb, uint8_t *out)
{
	unsigned white = rgb[0] > rgb[1] ? rgb[0] : rgb[1];

	if (rgb[2] > white)
		white = rgb[2];
	for (int i = 0; i < 3; i++)
		out[i] = (uint8_t)(white ? (rgb[i] * 255 + white / 2) / white : 255);
	out[3] = (uint8_t)white;
}

static void picture_row(void *state, unsigned y, uint8_t *samples)
{
	const struct picture_rows *rows = state;

	for (unsigned x = 0; x < rows->picture->width; x++) {
		const uint16_t *pixel = picture_at(rows->picture, x, y);
		unsigned rgb[3];
		for (int i = 0; i < 3; i++)
			rgb[i] = picture_quantise(pixel[i], 255, x, y);
		if (rows->space == JPEG_GREY) {
			*samples++ = (uint8_t)luma(rgb);
		} else if (rows->space == JPEG_CMYK || rows->space == JPEG_YCCK) {
			put_cmyk(rgb, samples);
			samples += 4;
		} else {
			for (int i = 0; i < 3; i++)
				*samples++ = (uint8_t)rgb[i];
		}
	}
}

void write_jpeg(FILE *file, const struct picture *picture, const struct jpeg_options *options)
{
	struct picture_rows rows = {picture, options->space};

	write_jpeg_rows(file, picture->width, picture->height, options, picture_row, &rows);
}
