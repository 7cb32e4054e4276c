/* Two files decide: shmem_enabled for all sizes, and since Linux 6.12 one for each size, which says
 * "inherit" unless somebody has changed it. Only "deny" of the first overrules the second (tried on
 * 6.18). A kernel without the second knows one size alone, and where its pages are of 16 or 64 KiB
 * that is 32 or 512 MiB: nothing that a picture fills, so that there are none for us. */
#include "common/huge_pages.h"

#include "common/util.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define ALL_SIZES "shmem_enabled"
#define THIS_SIZE "hugepages-2048kB/shmem_enabled"
#define ONLY_SIZE "hpage_pmd_size"

_Static_assert(MURAL_HUGE_PAGE_SIZE == 2048 * 1024, "the name of its folder");

#define TEXT_MAX 256

static bool read_file(const char *folder, const char *name, char ret[TEXT_MAX])
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return false;
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, ret, TEXT_MAX - 1);
	if (length <= 0)
		return false;
	ret[length] = '\0';
	return true;
}

/* "always within_size [advise] never": the word in brackets. */
static bool chosen(const char *folder, const char *name, char ret[HUGE_PAGES_WORD_MAX])
{
	char text[TEXT_MAX];
	if (!read_file(folder, name, text))
		return false;
	const char *bracket = strchr(text, '[');
	return bracket && sscanf(bracket, "[%31[^]]", ret) == 1;
}

static enum huge_pages meaning(const char *word)
{
	if (strcmp(word, "advise") == 0)
		return HUGE_PAGES_ADVISED;
	/* within_size gives them to what is smaller, too, since the file of a region reaches beyond
	 * the data. */
	if (strcmp(word, "always") == 0 || strcmp(word, "within_size") == 0 ||
		strcmp(word, "force") == 0)
		return HUGE_PAGES_ALWAYS;
	return HUGE_PAGES_NONE;
}

/* Before Linux 4.8 none is told, and every kernel's is 2 MiB that has huge pages of shared memory.
 */
static uint64_t only_size(const char *folder)
{
	char text[TEXT_MAX];
	return read_file(folder, ONLY_SIZE, text) ? strtoull(text, NULL, 10) : MURAL_HUGE_PAGE_SIZE;
}

struct huge_pages_setting huge_pages_of_shared_memory(const char *folder)
{
	struct huge_pages_setting setting = {.file = ALL_SIZES};
	char word[HUGE_PAGES_WORD_MAX];
	if (!chosen(folder, ALL_SIZES, setting.word)) {
		setting.word[0] = '\0';
		return setting;
	}
	bool sized = chosen(folder, THIS_SIZE, word);
	if (!sized && only_size(folder) != MURAL_HUGE_PAGE_SIZE) {
		setting.word[0] = '\0';
		return setting;
	}
	if (sized && strcmp(setting.word, "deny") != 0 && strcmp(word, "inherit") != 0) {
		strcpy(setting.word, word);
		setting.file = THIS_SIZE;
	}
	setting.pages = meaning(setting.word);
	return setting;
}
