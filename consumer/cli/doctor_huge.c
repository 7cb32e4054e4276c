/* Huge pages for shared memory: given by the system, made by Mural itself, or neither; and what
 * they bring here. */
#include "doctor.h"
#include "fill_cost.h"

#include "common/collapse.h"
#include "common/huge_pages.h"

#include <string.h>

/* They are there for Mural: @how, filled by @with. */
static void tell_offered(struct finding *finding, const struct huge_pages_setting *setting,
	const char *how, fill_fn *with)
{
	struct fill_cost huge, small;
	fill_fn *without = setting->pages == HUGE_PAGES_ALWAYS ? fill_declining : fill_written;
	bool had = measure_cost(with, &huge) && huge.huge;
	enum finding_state state = had ? FINDING_OK : FINDING_NOTE;
	if (!measure_cost(without, &small))
		finding_set(finding, state, "%s (%s: %s)", how, setting->file, setting->word);
	else if (had)
		finding_set(finding, state,
			"%s (%s: %s): " TRIED " take %.1f ms of processor time to fill here, "
			"instead of %.1f with small pages, and %.2f to give back, instead of %.2f",
			how, setting->file, setting->word, huge.fill_ms, small.fill_ms,
			huge.punch_ms, small.punch_ms);
	else
		finding_set(finding, state,
			"%s (%s: %s), but none was to be had just now, or not quickly: free memory "
			"is in pieces, or was given back to a virtual machine's host. Mural takes "
			"small pages meanwhile, with which " TRIED
			" take %.1f ms of processor time to fill, and %.2f to give back",
			how, setting->file, setting->word, small.fill_ms, small.punch_ms);
}

static void tell_refused(struct finding *finding, const struct huge_pages_setting *setting)
{
	struct fill_cost small;
	/* What the file has to say so that Mural can make them. */
	const char *least = strcmp(setting->file, "shmem_enabled") == 0 ? "never" : "inherit";
	if (measure_cost(fill_written, &small))
		finding_set(finding, FINDING_NOTE,
			"not allowed for shared memory (%s: %s), nor made by Mural itself, which "
			"takes Linux 6.1 or later and at least \"%s\" there: " TRIED
			" take %.1f ms of processor time to fill here, and %.2f to give back; what "
			"huge pages would bring can be measured only once they are allowed",
			setting->file, setting->word, least, small.fill_ms, small.punch_ms);
	else
		finding_set(finding, FINDING_NOTE, "not allowed for shared memory (%s: %s)",
			setting->file, setting->word);
	finding_advise(finding,
		"as root: echo advise > %s/%s; a producer looks when it starts; to keep it: a "
		"file in /etc/tmpfiles.d with the line \"w %s/%s - - - - advise\"",
		HUGE_PAGES_FOLDER, setting->file, HUGE_PAGES_FOLDER, setting->file);
}

void check_huge_pages(const struct doctor *doctor, struct finding *finding)
{
	const struct huge_pages_setting setting = huge_pages_of_shared_memory(HUGE_PAGES_FOLDER);
	(void)doctor;
	if (!setting.word[0])
		finding_set(finding, FINDING_NOTE,
			"this kernel has no huge pages of 2 MiB for shared memory: filling and "
			"purging cost more");
	else if (setting.pages != HUGE_PAGES_NONE)
		tell_offered(finding, &setting, "allowed for shared memory", fill_advised);
	else if (collapse_works())
		tell_offered(finding, &setting, "made by Mural itself", fill_collapsed);
	else
		tell_refused(finding, &setting);
}
