/* viewer/style.h - the colours of everything that is not a picture. 0xAARRGGBB, straight alpha. */
#ifndef VIEWER_STYLE_H
#define VIEWER_STYLE_H

#define COLOUR_BACKGROUND 0xff141416u
#define COLOUR_BAR 0xb8101012u   /* under text that lies on a picture */
#define COLOUR_PANEL 0xe61c1c20u /* under help */
#define COLOUR_LINE 0x24ffffffu
#define COLOUR_CELL 0x10ffffffu
#define COLOUR_HOLE 0x0cffffffu /* where a thumbnail will be */
#define COLOUR_TEXT 0xffe6e6e8u
#define COLOUR_DIM 0xff9a9aa2u
#define COLOUR_BRIGHT 0xffffffffu
#define COLOUR_ACCENT 0xff5b9dffu
#define COLOUR_AGAIN 0xffffb454u /* decoded again */
#define COLOUR_ERROR 0xfff0857du

/* The memory line. */
#define COLOUR_PINNED 0xffff7a90u
#define COLOUR_READY 0xff6fd08cu
#define COLOUR_IDLE 0xffffd166u
#define COLOUR_FILLING 0xff5b9dffu
#define COLOUR_KEPT 0xff8a8f98u
#define COLOUR_PURGED 0xffb48cffu

#endif
