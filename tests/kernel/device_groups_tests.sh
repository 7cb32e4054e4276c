# shellcheck shell=dash
# What runs in the machine of run_groups.sh with the ashmem driver, in this order. `suite` is that of init.
#
# The driver does not know of control groups: what is unpinned in one that runs short stays, and somebody is killed. The producer's own
# watching, by the sources of version 1, purges there.

mount -t tmpfs cgroup /sys/fs/cgroup
mkdir /sys/fs/cgroup/memory
mount -t cgroup -o memory memory /sys/fs/cgroup/memory
export MURAL_TEST_DRIVER=device

# $1: one of test_memory's
memory() {
	test_memory --jobs 1 --color=never --verbose --filter "memory/$1"
}

suite doctor mural doctor
suite is_killed memory without_any_source_the_allocator_is_killed
suite survives memory with_all_sources_nobody_is_killed
suite numbers memory with_the_groups_numbers_alone_nobody_is_killed
suite thresholds memory with_thresholds_alone_nobody_is_killed
suite pinned memory what_is_pinned_stays_and_no_more_goes_than_is_missing
suite told memory consumers_are_told_of_pressure_and_of_its_end
