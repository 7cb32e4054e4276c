/* sdl_library.h - SDL2, loaded when the window is made instead of before main.
 *
 * SDL brings some 50 libraries along. Linked in the usual way they are loaded before the program's
 * first line, while no decoder works yet; loaded here they come while the first picture is being
 * decoded, the process is small when it forks a producer, and without SDL everything but the window
 * works. The functions are SDL's own, under their names without the prefix. */
#ifndef VIEWER_SDL_LIBRARY_H
#define VIEWER_SDL_LIBRARY_H

#include <SDL.h>
#include <stdbool.h>

#define SDL_LIBRARY_FUNCTIONS(F)                                                                   \
	F(CreateRGBSurfaceWithFormatFrom)                                                          \
	F(CreateThread)                                                                            \
	F(CreateWindow)                                                                            \
	F(Delay)                                                                                   \
	F(DestroyWindow)                                                                           \
	F(FreeSurface)                                                                             \
	F(GetCurrentVideoDriver)                                                                   \
	F(GetDesktopDisplayMode)                                                                   \
	F(GetDisplayUsableBounds)                                                                  \
	F(GetError)                                                                                \
	F(GetKeyName)                                                                              \
	F(GetWindowSize)                                                                           \
	F(GetWindowSurface)                                                                        \
	F(Init)                                                                                    \
	F(PollEvent)                                                                               \
	F(PushEvent)                                                                               \
	F(Quit)                                                                                    \
	F(RegisterEvents)                                                                          \
	F(SetHint)                                                                                 \
	F(SetWindowBordered)                                                                       \
	F(SetWindowFullscreen)                                                                     \
	F(SetWindowIcon)                                                                           \
	F(SetWindowMinimumSize)                                                                    \
	F(SetWindowPosition)                                                                       \
	F(SetWindowSize)                                                                           \
	F(SetWindowTitle)                                                                          \
	F(ShowCursor)                                                                              \
	F(StartTextInput)                                                                          \
	F(UpdateWindowSurface)                                                                     \
	F(UpperBlit)                                                                               \
	F(WaitEventTimeout)                                                                        \
	F(WaitThread)                                                                              \
	F(free)

#define SDL_LIBRARY_MEMBER(name) __typeof__(&SDL_##name) name;
struct sdl_library {
	SDL_LIBRARY_FUNCTIONS(SDL_LIBRARY_MEMBER)
};
#undef SDL_LIBRARY_MEMBER

/* Filled by sdl_library_load; not to be called before that has returned true. */
extern struct sdl_library sdl;

/* Loads it; once is enough, and it stays. False: it is not installed, or too old. */
bool sdl_library_load(void);

/* Why not; valid until the next call. */
const char *sdl_library_error(void);

#endif
