/* assets/formats.h - the small pictures that cover every file format property the decoders must
 * know. */
#ifndef MURAL_ASSETS_FORMATS_H
#define MURAL_ASSETS_FORMATS_H

/* Writes all of them into the folder @path, which is there. Ends the program when a file can not be
 * written. */
void formats_write(const char *path);

#endif
