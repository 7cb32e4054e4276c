/* Where a producer listens: what may be replaced there, and what may not. */
#include "common/endpoint.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static char folder[] = "/tmp/mural-endpoint-XXXXXX";
static struct endpoint endpoint;

static void begin(void)
{
	char path[64];
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	cr_assert_eq(endpoint_resolve(path, &endpoint), 0);
}

static void end(void)
{
	unlink(endpoint.address.sun_path);
	rmdir(folder);
}

Test(endpoint, listens_for_its_user_alone, .init = begin, .fini = end)
{
	struct stat st;
	int fd = -1;
	cr_assert_eq(endpoint_listen(&endpoint, &fd), 0);
	cr_assert_eq(stat(endpoint.address.sun_path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	close(fd);
}

Test(endpoint, replaces_a_stale_socket_but_not_a_living_one, .init = begin, .fini = end)
{
	int first = -1, second = -1;
	cr_assert_eq(endpoint_listen(&endpoint, &first), 0);
	cr_assert_eq(endpoint_listen(&endpoint, &second), -EADDRINUSE);
	close(first);
	cr_assert_eq(endpoint_listen(&endpoint, &second), 0);
	close(second);
}

Test(endpoint, leaves_a_file_that_is_no_socket, .init = begin, .fini = end)
{
	int fd = -1;
	close(open(endpoint.address.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	cr_assert_eq(endpoint_listen(&endpoint, &fd), -EADDRINUSE);
	cr_assert_eq(access(endpoint.address.sun_path, F_OK), 0);
}
