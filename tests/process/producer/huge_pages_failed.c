/* What a decoder says of huge pages: those after it try while they are to be had, and do not when
 * they are not. The decoders' codec writes into its pixels whether it was to try (lying_codec.c).
 */
#include "common/huge_pages.h"
#include "common/util.h"
#include "support/peer.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <mural/pixel.h>
#include <stdio.h>
#include <unistd.h>

/* Of bitmaps 1000 pixels wide they are to be had, of these not. */
#define WITHOUT 800

static char *folder;
static struct test_process producer;

static void start(void)
{
	const char *const args[] = {
		"--driver", "memfd", "--budget", "128M", "--workers", "1", NULL};
	if (huge_pages_of_shared_memory(HUGE_PAGES_FOLDER).pages != HUGE_PAGES_NONE)
		cr_skip_test("they come by themselves");
	folder = test_folder_create();
	test_producer_start_as(&producer, "test_lying_producer", folder, args);
}

static void stop(void)
{
	if (!folder)
		return;
	test_process_fini(&producer);
	test_folder_remove(folder);
}

TestSuite(huge_pages, .init = start, .fini = stop, .timeout = 240);

/* The region's descriptor, which the caller owns. */
static int decode(const struct peer *peer, uint32_t serial, uint32_t box)
{
	char name[512];
	snprintf(name, sizeof(name), "%s/%u", folder, serial);
	test_write_file(name, "t", 1);
	peer_ask_in_box(peer, serial, name, box, box, MURAL_PRIORITY_VISIBLE);
	union protocol_any message;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	cr_assert(peer_next(peer->fd, &message, fds, &count));
	cr_assert_eq(message.head.type, PROTOCOL_READY, "%s", message.failed.text);
	cr_assert_eq(count, 1);
	return fds[0];
}

static bool is_to_try(const struct peer *peer, uint32_t serial, uint32_t box)
{
	CLEANUP(close_p) int region = decode(peer, serial, box);
	char pixel = 0;
	cr_assert_eq(pread(region, &pixel, 1, 0), 1);
	return pixel == 'c';
}

Test(huge_pages, decoders_try_until_one_has_none)
{
	struct peer peer = peer_greet();
	for (uint32_t serial = 1; serial <= 3; serial++)
		cr_assert(is_to_try(&peer, serial, 0), "they were to be had so far");
	/* For a while, that is, and longer each time: the machine may be slow. */
	uint32_t serial = 4, last = 10;
	while (is_to_try(&peer, serial, WITHOUT))
		cr_assert_lt(++serial, last);
	cr_expect_gt(serial, 4);
	peer_leave(&peer);
}
