/* Two files decide: shmem_enabled for all sizes, and since Linux 6.12 one for each size, which says
 * "inherit" unless somebody has changed it. Only "deny" of the first overrules the second (tried on
 * 6.18). */
#include "common/huge_pages.h"

#include "common/util.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define ALL_SIZES "shmem_enabled"
#define THIS_SIZE "hugepages-2048kB/shmem_enabled"

_Static_assert(MURAL_HUGE_PAGE_SIZE == 2048 * 1024, "the name of its folder");

/* "always within_size [advise] never": the word in brackets. */
static bool chosen(const char *folder, const char *name, char ret[HUGE_PAGES_WORD_MAX])
{
	char path[PATH_MAX], text[256] = "";
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return false;
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
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

struct huge_pages_setting huge_pages_of_shared_memory(const char *folder)
{
	struct huge_pages_setting setting = {.file = ALL_SIZES};
	char word[HUGE_PAGES_WORD_MAX];
	if (!chosen(folder, ALL_SIZES, setting.word)) {
		setting.word[0] = '\0';
		return setting;
	}
	if (strcmp(setting.word, "deny") != 0 && chosen(folder, THIS_SIZE, word) &&
		strcmp(word, "inherit") != 0) {
		strcpy(setting.word, word);
		setting.file = THIS_SIZE;
	}
	setting.pages = meaning(setting.word);
	return setting;
}
