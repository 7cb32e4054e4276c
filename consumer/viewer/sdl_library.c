#include "sdl_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define SDL_SONAME "libSDL2-2.0.so.0"

struct sdl_library sdl;

static char error[256];

/* A pointer to data becomes one to a function: POSIX allows it, C knows no cast for it. */
static bool find(void *library, const char *name, void *ret_function)
{
	void *symbol = dlsym(library, name);
	if (!symbol) {
		snprintf(error, sizeof(error), "%s lacks %s", SDL_SONAME, name);
		return false;
	}
	memcpy(ret_function, &symbol, sizeof(symbol));
	return true;
}

#define SDL_LIBRARY_FIND(name) found = found && find(library, "SDL_" #name, &sdl.name);

bool sdl_library_load(void)
{
	/* Never unloaded: what it starts (threads, handlers at exit) can not be told from what it
	 * has ended. */
	void *library = dlopen(SDL_SONAME, RTLD_LAZY | RTLD_LOCAL);
	if (!library) {
		snprintf(error, sizeof(error), "%s", dlerror());
		return false;
	}
	bool found = true;
	SDL_LIBRARY_FUNCTIONS(SDL_LIBRARY_FIND)
	return found;
}

const char *sdl_library_error(void)
{
	return error;
}
