/* A program as it is written on Android, with nothing but libcutils' and the NDK's calls. C and
 * C++. */
#include <android/sharedmem.h>
#include <cutils/ashmem.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
	const size_t size = 16384;
	int fd = ashmem_create_region("ported", size);
	if (fd < 0 || !ashmem_valid(fd) || ashmem_get_size_region(fd) != (int)size)
		return 1;
	char *data = (char *)mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (data == (char *)MAP_FAILED)
		return 2;
	strcpy(data, "ported code");
	if (ashmem_unpin_region(fd, 0, 0) != 0)
		return 3;
	if (ashmem_pin_region(fd, 0, 0) != ASHMEM_NOT_PURGED || strcmp(data, "ported code") != 0)
		return 4;
	if (ashmem_set_prot_region(fd, PROT_READ) != 0 || ASharedMemory_getSize(fd) != size)
		return 5;
	munmap(data, size);
	close(fd);
	puts("ported program: ok");
	return 0;
}
