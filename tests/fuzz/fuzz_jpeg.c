/* JPEG, from the first marker to the last row. */
#include "codec_job.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= 2 && data[0] == 0xff && data[1] == 0xd8)
		codec_job_run(data, size);
	return 0;
}
