/* What a decoder does before it has a job, with the real codecs. */
#include "rehearsal.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <sys/mman.h>

Test(rehearsal, its_picture_is_decoded_and_not_only_probed)
{
	CLEANUP(close_p) int file = rehearsal_file();
	cr_assert_geq(file, 0);
	cr_assert(rehearse(file));
	cr_assert(rehearse(file), "a second time");
}

Test(rehearsal, what_is_no_picture_fails_it)
{
	CLEANUP(close_p) int file = memfd_create("mural-test", MFD_CLOEXEC);
	cr_assert_geq(file, 0);
	cr_assert_not(rehearse(file));
	cr_assert_not(rehearse(-1));
}
