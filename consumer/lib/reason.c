/* The reasons in words: what a person reads below a picture that does not come, or instead of all
 * of them. */
#include <mural/mural.h>

#include <errno.h>
#include <string.h>

const char *mural_open_error_text(int error)
{
	switch (error) {
	case -ECONNREFUSED:
		return "no producer is running, and none could be started (mural doctor tells "
		       "more)";
	case -EPROTONOSUPPORT:
		return "the producer that runs is of another version";
	case -EACCES:
		return "the producer's socket or its folder belongs to another user, or may not be "
		       "used (mural doctor tells more)";
	case -ETIMEDOUT:
		return "the producer does not answer";
	case -EDQUOT:
		return "the producer has as many connections as this program or user may have";
	case -ENAMETOOLONG:
		return "the path of the producer's socket is too long";
	default:
		return strerror(-error);
	}
}

const char *mural_reason_text(enum mural_reason reason)
{
	switch (reason) {
	case MURAL_REASON_NONE:
		return "no error";
	case MURAL_REASON_SOURCE:
		return "cannot be read";
	case MURAL_REASON_EMPTY:
		return "empty file";
	case MURAL_REASON_NOT_IMAGE:
		return "not a known picture format";
	case MURAL_REASON_CORRUPT:
		return "damaged picture";
	case MURAL_REASON_TRUNCATED:
		return "incomplete picture";
	case MURAL_REASON_UNSUPPORTED:
		return "unsupported variant of its format";
	case MURAL_REASON_TOO_LARGE:
		return "picture too large";
	case MURAL_REASON_NO_ROOM:
		return "no room: everything in the pool is in use";
	case MURAL_REASON_QUOTA:
		return "too much in use by this program";
	case MURAL_REASON_CHANGED:
		return "the file has changed";
	case MURAL_REASON_CRASHED:
		return "the decoder crashed";
	case MURAL_REASON_KILLED:
		return "the decoder was killed, probably for lack of memory";
	case MURAL_REASON_TIMEOUT:
		return "took too long";
	case MURAL_REASON_MEMORY:
		return "out of memory, descriptors or processes";
	case MURAL_REASON_CANCELLED:
		return "cancelled";
	case MURAL_REASON_GONE:
		return "the producer ended";
	case MURAL_REASON_THRASHING:
		return "not fetched ahead: what is wanted does not fit";
	case MURAL_REASON_NO_PREVIEW:
		return "no preview: the picture itself is as quick";
	}
	return "unknown reason";
}
