/* Failures of decoders, as the producer and in the end a person will read them. */
#include "outcome.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static int error_of(enum mural_reason reason)
{
	switch (reason) {
	case MURAL_REASON_EMPTY:
		return -ENODATA;
	case MURAL_REASON_NOT_IMAGE:
		return -ENOEXEC;
	case MURAL_REASON_UNSUPPORTED:
	case MURAL_REASON_NO_PREVIEW:
		return -ENOTSUP;
	case MURAL_REASON_TOO_LARGE:
		return -EFBIG;
	case MURAL_REASON_CHANGED:
		return -ESTALE;
	case MURAL_REASON_MEMORY:
		return -ENOMEM;
	default:
		return -EBADMSG;
	}
}

int outcome_fail(struct job_result *result, enum mural_reason reason, const char *text, ...)
{
	va_list arguments;
	va_start(arguments, text);
	vsnprintf(result->text, sizeof(result->text), text, arguments);
	va_end(arguments);
	result->reason = reason;
	result->error = error_of(reason);
	return result->error;
}

int outcome_fail_source(struct job_result *result, int error)
{
	outcome_fail(result, MURAL_REASON_SOURCE, "the file can not be read (error %d)", -error);
	result->error = error;
	return error;
}

void outcome_make_partial(struct job_result *result)
{
	result->error = 0;
	result->reason = MURAL_REASON_NONE;
	result->flags |= MURAL_BITMAP_PARTIAL;
}
