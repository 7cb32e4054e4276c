/* mural-producer: options in, server out. */
#include "common/log.h"
#include "common/machine.h"
#include "common/size.h"
#include "common/standard.h"
#include "common/util.h"
#include "common/watch.h"
#include "producer/nursery.h"
#include "producer/server.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_IDLE_MS 1000u
#define DEFAULT_MAX_PIXELS (UINT64_C(256) * 1000 * 1000)
#define DEFAULT_IDLE_EXIT_S 600u
#define WORKERS_MAX 256u
#define LISTEN_FD 3 /* systemd's first */

/* libc looks for it by name: it must not be hidden as everything else is. */
__attribute__((visibility("default"))) const char *argp_program_version =
	"mural-producer " MURAL_VERSION;

enum {
	OPTION_BUDGET = 256,
	OPTION_IDLE_MS,
	OPTION_WORKERS,
	OPTION_DRIVER,
	OPTION_ORDER,
	OPTION_MAX_PIXELS,
	OPTION_IDLE_EXIT,
	OPTION_SESSION_FD,
	OPTION_ALLOW_UID,
	OPTION_PRESSURE,
	OPTION_GROWTH,
	OPTION_NURSERY,
};

static const struct argp_option option_list[] = {
	{"socket", 's', "PATH", 0,
		"Listen at PATH (default: $MURAL_SOCKET, $XDG_RUNTIME_DIR/mural/socket)", 0},
	{"budget", OPTION_BUDGET, "SIZE", 0,
		"Hold at most SIZE of shared memory (64M, 1G; default: a quarter of RAM, half of "
		"the cgroup's limit)",
		0},
	{"idle-ms", OPTION_IDLE_MS, "N", 0,
		"Unpin a bitmap that nobody has pinned for N milliseconds (default 1000)", 0},
	{"workers", OPTION_WORKERS, "N", 0, "Decode N pictures at once (default: one a processor)",
		0},
	{"driver", OPTION_DRIVER, "NAME", 0, "Shared memory: auto, memfd or device (/dev/ashmem)",
		0},
	{"order", OPTION_ORDER, "NAME", 0,
		"What goes first of what nobody uses: cost (what is cheap to bring back; the "
		"default) or lru (what was used longest ago)",
		0},
	{"max-pixels", OPTION_MAX_PIXELS, "N", 0,
		"Refuse pictures of more than N pixels (256M is 256 million; the default)", 0},
	{"idle-exit", OPTION_IDLE_EXIT, "SECONDS", 0,
		"End after SECONDS without a consumer; 0: never (default: 600 when started on "
		"demand, else 0)",
		0},
	{"allow-uid", OPTION_ALLOW_UID, "UID", 0, "Serve this user, too (may be repeated)", 0},
	{"session-fd", OPTION_SESSION_FD, "FD", 0, "Serve just the connection FD and end with it",
		0},
	{"pressure", OPTION_PRESSURE, "LIST", 0,
		"Watch memory by: all (default), none, or some of meminfo, cgroup, thresholds, "
		"pressure-level, events, psi, with commas between",
		0},
	{"growth", OPTION_GROWTH, "SIZE", 0,
		"Be safe from a program that allocates SIZE in a second (default 4G)", 0},
	{"verbose", 'v', NULL, 0, "Say more on standard error", 0},
	{"nursery", OPTION_NURSERY, "FD", OPTION_HIDDEN, NULL, 0},
	{0},
};

struct arguments {
	struct server_options server;
	bool idle_exit_given;
	bool verbose;
	int nursery_fd;
};

static uint64_t number(struct argp_state *state, const char *what, const char *text,
	uint64_t lowest, uint64_t highest)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < lowest ||
		value > highest)
		argp_error(state, "--%s: '%s' is not a number from %llu to %llu", what, text,
			(unsigned long long)lowest, (unsigned long long)highest);
	return value;
}

/* Pixels are counted in thousands: "256M" is 256 000 000, as cameras count. */
static uint64_t pixels(struct argp_state *state, const char *text)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	uint64_t unit = 1;
	if (*end == 'k' || *end == 'K')
		unit = 1000;
	else if (*end == 'm' || *end == 'M')
		unit = 1000000;
	if (errno != 0 || end == text || *text == '-' || (unit > 1 ? end[1] : *end) != '\0' ||
		value == 0 || value > UINT64_C(4294836225) / unit)
		argp_error(
			state, "--max-pixels: '%s' is not a number of pixels (1 to 4294M)", text);
	return value * unit;
}

static enum ashmem_driver driver(struct argp_state *state, const char *text)
{
	if (strcmp(text, "auto") == 0)
		return ASHMEM_DRIVER_AUTO;
	if (strcmp(text, "memfd") == 0)
		return ASHMEM_DRIVER_MEMFD;
	if (strcmp(text, "device") != 0)
		argp_error(state, "--driver: '%s' is not auto, memfd or device", text);
	return ASHMEM_DRIVER_DEVICE;
}

static enum pool_order order(struct argp_state *state, const char *text)
{
	if (strcmp(text, "lru") == 0)
		return POOL_ORDER_LRU;
	if (strcmp(text, "cost") != 0)
		argp_error(state, "--order: '%s' is not cost or lru", text);
	return POOL_ORDER_COST;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct server_options *server = &arguments->server;
	switch (key) {
	case 's':
		server->socket = text;
		return 0;
	case OPTION_BUDGET:
		if (!size_parse(text, &server->budget_bytes) ||
			server->budget_bytes < (UINT64_C(1) << 20))
			argp_error(state, "--budget: '%s' is not a size of at least 1M", text);
		return 0;
	case OPTION_IDLE_MS:
		server->idle_ns = number(state, "idle-ms", text, 0, 86400000) * 1000000u;
		return 0;
	case OPTION_WORKERS:
		server->workers = (unsigned)number(state, "workers", text, 1, WORKERS_MAX);
		return 0;
	case OPTION_DRIVER:
		server->driver = driver(state, text);
		return 0;
	case OPTION_ORDER:
		server->order = order(state, text);
		return 0;
	case OPTION_MAX_PIXELS:
		server->max_pixels = pixels(state, text);
		return 0;
	case OPTION_IDLE_EXIT:
		server->idle_exit_ns = number(state, "idle-exit", text, 0, 31536000) * 1000000000u;
		arguments->idle_exit_given = true;
		return 0;
	case OPTION_ALLOW_UID:
		if (server->allowed_uid_count == SERVER_UIDS_MAX)
			argp_error(state, "--allow-uid: at most %u", SERVER_UIDS_MAX);
		server->allowed_uids[server->allowed_uid_count++] =
			(uid_t)number(state, "allow-uid", text, 0, UINT32_MAX - 1);
		return 0;
	case OPTION_SESSION_FD:
		server->session_fd = (int)number(state, "session-fd", text, 3, INT32_MAX);
		return 0;
	case OPTION_PRESSURE:
		if (!watch_parse(text, &server->pressure_sources))
			argp_error(state,
				"--pressure: '%s' is not all, none, or a list of meminfo, cgroup, "
				"thresholds, pressure-level, events, psi",
				text);
		return 0;
	case OPTION_GROWTH:
		if (!size_parse(text, &server->growth_bytes_per_s) ||
			server->growth_bytes_per_s < (UINT64_C(1) << 20))
			argp_error(state, "--growth: '%s' is not a size of at least 1M", text);
		return 0;
	case OPTION_NURSERY:
		arguments->nursery_fd = (int)number(state, "nursery", text, 0, INT32_MAX);
		return 0;
	case 'v':
		arguments->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s': no arguments are expected", text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The lesser of a quarter of RAM and half of what the control group allows. */
static uint64_t default_budget(void)
{
	uint64_t memory = machine_memory_bytes();
	uint64_t group = machine_cgroup_limit_bytes();
	uint64_t budget = memory == UINT64_MAX ? UINT64_C(512) << 20 : memory / 4;
	return max_u64(min_u64(budget, group / 2), UINT64_C(16) << 20);
}

/* The socket that systemd, or a consumer in its manner, passed; -1: none. */
static int passed_socket(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	int listening = 0;
	socklen_t size = sizeof(listening);
	if (!pid || !count || strtol(pid, NULL, 10) != getpid() || strtol(count, NULL, 10) < 1)
		return -1;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (getsockopt(LISTEN_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 || !listening)
		return -1;
	fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC);
	fcntl(LISTEN_FD, F_SETFL, fcntl(LISTEN_FD, F_GETFL) | O_NONBLOCK);
	return LISTEN_FD;
}

static int adopt_session(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -errno;
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_list,
		.parser = parse,
		.doc = "Decodes pictures into shared memory for the viewers and other programs of "
		       "one user.\v"
		       "Runs in the foreground until SIGTERM. SIGUSR1 throws away everything that "
		       "nobody uses.",
	};
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct arguments arguments = {
		.server =
			{
				.listen_fd = -1,
				.session_fd = -1,
				.idle_ns = DEFAULT_IDLE_MS * UINT64_C(1000000),
				.max_pixels = DEFAULT_MAX_PIXELS,
				.pressure_sources = UINT32_MAX,
				.workers = processors < 1 ? 1
							  : (unsigned)min_u64((uint64_t)processors,
								    WORKERS_MAX),
			},
		.nursery_fd = -1,
	};
	log_setup("mural-producer", LOG_WARNING);
	standard_setup(1);
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (arguments.nursery_fd >= 0)
		return nursery_main(arguments.nursery_fd);
	if (arguments.verbose)
		log_setup("mural-producer", LOG_DEBUG);
	struct server_options *server = &arguments.server;
	server->listen_fd = passed_socket();
	if (server->listen_fd >= 0 && !arguments.idle_exit_given)
		server->idle_exit_ns = DEFAULT_IDLE_EXIT_S * UINT64_C(1000000000);
	if (server->session_fd >= 0 && adopt_session(server->session_fd) < 0) {
		log_line(LOG_ERROR, "--session-fd: not an open descriptor");
		return 2;
	}
	if (server->budget_bytes == 0)
		server->budget_bytes = default_budget();
	return server_run(server) < 0 ? 1 : 0;
}
