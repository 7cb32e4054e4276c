/* assets/files.h - files in an output folder. */
#ifndef MURAL_ASSETS_FILES_H
#define MURAL_ASSETS_FILES_H

#include <stdio.h>

/* Each ends the program with a message when it fails. */
FILE *file_create(const char *folder, const char *name);
void file_finish(FILE *file, const char *name);
/* An existing folder is fine. */
void folder_create(const char *path);

#endif
