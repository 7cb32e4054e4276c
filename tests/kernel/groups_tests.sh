# shellcheck shell=dash
# What runs in the machine of run_groups.sh, in this order. `suite` is that of init.

mount -t cgroup2 none /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control

# $1: one of test_memory's
memory() {
	test_memory --jobs 1 --color=never --verbose --filter "memory/$1"
}

suite watch_groups watch_groups
suite doctor mural doctor
suite survives memory with_all_sources_nobody_is_killed
suite is_killed memory without_any_source_the_allocator_is_killed
suite pinned memory what_is_pinned_stays_and_no_more_goes_than_is_missing
suite told memory consumers_are_told_of_pressure_and_of_its_end
