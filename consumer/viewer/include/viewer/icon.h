/* viewer/icon.h - the window's icon: what desktop/mural-viewer.svg shows, drawn. */
#ifndef VIEWER_ICON_H
#define VIEWER_ICON_H

#include <stdint.h>

#define ICON_SIDE 64

/* 0xAARRGGBB words, straight alpha, rows without gaps. */
void icon_draw(uint32_t pixels[ICON_SIDE * ICON_SIDE]);

#endif
