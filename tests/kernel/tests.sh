# shellcheck shell=dash
# What runs in the machine, in this order. `suite` is that of init.

# Android gives the device a second name, with the boot's id.
cp -a /dev/ashmem /dev/ashmem01234567-89ab-cdef-0123-456789abcdef

export ASHMEM_DRIVER=memfd
suite conform_memfd ashmem_conform
export ASHMEM_DRIVER=device
suite conform ashmem_conform
suite model ashmem_model 64000 1
suite model_processes ashmem_model 20000 2 3
suite pool pool_device
suite one_process one_process kernel
suite many_processes many_processes
[ ! -e /cost ] || suite cost ashmem_cost
unset ASHMEM_DRIVER
echo 2 >/proc/sys/vm/overcommit_memory
suite no_memory ashmem_no_memory
echo 0 >/proc/sys/vm/overcommit_memory
suite doctor mural doctor
export ASHMEM_DRIVER=device
suite memory_dealer test_memory_dealer --jobs 1 --color=never
suite heap_dealer test_heap_dealer --jobs 1 --color=never
suite memory_file test_memory_file --jobs 1 --color=never
suite memory_heap test_memory_heap --jobs 1 --color=never
suite shared_memory test_shared_memory --jobs 1 --color=never
unset ASHMEM_DRIVER

# The example of docs/examples. Until the server listens a client finds nothing.
serve_and_read() {
	ASHMEM_DRIVER=device memory_service_server /tmp/service 8388608 >/tmp/served &
	for attempt in $(seq 100); do
		memory_service_client /tmp/service >/tmp/read 2>/tmp/refused && break
		sleep 0.1
	done
	kill $!
	echo "attempt $attempt: $(cat /tmp/read)"
	cmp /tmp/served /tmp/read
}
suite memory_service serve_and_read
suite producer device_producer /bin/mural-producer /bin/mural /tmp/producer.socket /pictures/*
suite pipeline pipeline /bin/mural-producer device /tmp/mural.socket /pictures/*
