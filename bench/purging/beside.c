/* See beside.h. Compilers, since that is what people run beside an image viewer on a machine that
 * is too small for both: processes that come and go, and take all the processor time there is. */
#include "beside.h"

#include "harness/bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUNCTIONS 300u /* half a second of work */
#define COMPILERS_MAX 64u

static char *source; /* NULL: not written yet */
static pid_t shell[COMPILERS_MAX];
static unsigned shells;

static void write_source(void)
{
	bench_must(asprintf(&source, "%s/beside.c", bench_folder()) >= 0, "memory");
	FILE *file = fopen(source, "we");
	bench_must(file != NULL, source);
	for (unsigned i = 0; i < FUNCTIONS; i++)
		fprintf(file,
			"unsigned f%u(unsigned *a, unsigned n)\n"
			"{\n"
			"	unsigned sum = %u;\n"
			"	for (unsigned i = 0; i < n; i++)\n"
			"		for (unsigned k = 0; k < i; k++)\n"
			"			sum += a[k] * a[i - k] ^ (sum >> %u);\n"
			"	return n > 3 ? sum %% a[n / 2] : sum;\n"
			"}\n",
			i, i, i % 31 + 1);
	bench_must(fclose(file) == 0, source);
}

/* In a child, which has nothing else to do. */
static _Noreturn void become_compiler(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execlp("cc", "cc", "-O2", "-c", "-o", "/dev/null", source, (char *)NULL);
	_exit(127);
}

static bool compile_once(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		become_compiler();
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool beside_possible(void)
{
	if (!source)
		write_source();
	return compile_once();
}

void beside_start(unsigned count)
{
	for (shells = 0; shells < count && shells < COMPILERS_MAX; shells++) {
		pid_t pid = fork();
		bench_must(pid >= 0, "fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			setpgid(0, 0);
			while (compile_once()) {
			}
			_exit(1);
		}
		/* Here too: whoever comes first. Its compilers belong to its group. */
		setpgid(pid, pid);
		shell[shells] = pid;
	}
}

void beside_stop(void)
{
	for (unsigned i = 0; i < shells; i++)
		kill(-shell[i], SIGKILL);
	for (unsigned i = 0; i < shells; i++) {
		int status = 0;
		waitpid(shell[i], &status, 0);
		bench_must(WIFSIGNALED(status), "compiling beside it");
	}
	shells = 0;
}
