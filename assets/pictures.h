/* assets/pictures.h - the pictures to look at. */
#ifndef MURAL_ASSETS_PICTURES_H
#define MURAL_ASSETS_PICTURES_H

/* Writes them into the folder @path; with @only just the file of that name. Ends the program when a
 * file can not be written. -ENOENT: @only names none. */
int pictures_write(const char *path, const char *only);

#endif
