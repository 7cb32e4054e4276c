// The public headers as a C++ program sees them: they compile without warnings, and link as C.
#include <mural/mural.h>

static int pin(struct mural *mural, const char *path)
{
	struct mural_request request = {};
	struct mural_bitmap *bitmap = nullptr;
	struct mural_view view = {};
	request.path = path;
	request.priority = MURAL_PRIORITY_VISIBLE;
	int r = mural_request(mural, &request, &bitmap);
	if (r == 0)
		r = mural_bitmap_pin_wait(bitmap, -1, &view);
	mural_bitmap_unref(bitmap);
	return r;
}

int main()
{
	struct mural_options options = {};
	struct mural *mural = nullptr;
	options.flags = ~0u;
	mural_close(nullptr);
	mural_bitmap_unref(nullptr);
	/* Unknown flags are refused before anything else happens. */
	return mural_open(&options, &mural) == 0 ? pin(mural, "a.jpg") : 0;
}
