#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CSpawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct report {
    int step;
    int error;
};

// Between fork and exec only async-signal-safe calls are allowed: another thread may have held any lock. That is
// everything in this function and below it.
static _Noreturn void fail(int channel, int step) {
    struct report report = {step, errno};
    ssize_t ignored = write(channel, &report, sizeof report);
    (void)ignored;
    _exit(127);
}

static void close_others_on_exec(void) {
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) == 0) return;
    struct rlimit files;
    int end = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < 65536 ? (int)files.rlim_cur : 65536;
    for (int number = 3; number < end; number++) (void)fcntl(number, F_SETFD, FD_CLOEXEC);
}

static _Noreturn void become(const struct cspawn_plan *plan, int channel, pid_t parent) {
    if (setsid() < 0) fail(channel, CSPAWN_SESSION);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail(channel, CSPAWN_PARENT);
    // The parent may have ended before the line above.
    if (getppid() != parent) _exit(127);
    // No program gains rights that we do not have, whatever bits its file has.
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (int number = 1; number < NSIG; number++) (void)signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir(plan->folder) != 0) fail(channel, CSPAWN_FOLDER);
    // Moved out of the way first, so that no dup2 below overwrites one that is still needed.
    int input = fcntl(plan->input, F_DUPFD, 3);
    int output = fcntl(plan->output, F_DUPFD, 3);
    int error = fcntl(plan->error, F_DUPFD, 3);
    if (input < 0 || output < 0 || error < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(error, 2) < 0)
        fail(channel, CSPAWN_STREAMS);
    close_others_on_exec();
    for (size_t index = 0; index < plan->limit_count; index++) {
        rlim_t soft = (rlim_t)plan->limits[index].value;
        // A second more of CPU time: at the soft limit comes SIGXCPU, which says why; at the hard one SIGKILL.
        struct rlimit limit = {soft, plan->limits[index].resource == RLIMIT_CPU ? soft + 1 : soft};
        struct rlimit now;
        if (getrlimit((__rlimit_resource_t)plan->limits[index].resource, &now) != 0) fail(channel, CSPAWN_LIMIT);
        // Nobody may raise a hard limit that was set from outside.
        if (limit.rlim_max > now.rlim_max) limit.rlim_max = now.rlim_max;
        if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
        if (setrlimit((__rlimit_resource_t)plan->limits[index].resource, &limit) != 0) fail(channel, CSPAWN_LIMIT);
    }
    execve(plan->program, plan->arguments, plan->environment);
    fail(channel, CSPAWN_EXEC);
}

struct cspawn_result cspawn(const struct cspawn_plan *plan) {
    struct cspawn_result result = {-1, CSPAWN_FORK, 0};
    int channel[2];
    if (pipe2(channel, O_CLOEXEC) != 0) {
        result.error = errno;
        return result;
    }
    // No handler of ours may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        // Above the standard streams, which dup2 is about to replace.
        int safe = fcntl(channel[1], F_DUPFD_CLOEXEC, 3);
        become(plan, safe < 0 ? channel[1] : safe, parent);
    }
    int fork_error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(channel[1]);
    if (pid < 0) {
        close(channel[0]);
        result.error = fork_error;
        return result;
    }
    struct report report = {CSPAWN_STARTED, 0};
    ssize_t count;
    do count = read(channel[0], &report, sizeof report);
    while (count < 0 && errno == EINTR);
    close(channel[0]);
    if (count == 0) {
        // The channel closed on exec: the program runs.
        result.pid = pid;
        result.step = CSPAWN_STARTED;
        return result;
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    result.step = report.step;
    result.error = report.error;
    return result;
}

int cspawn_pidfd(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int cspawn_pipe(int *reader, int *writer) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    *reader = ends[0];
    *writer = ends[1];
    return 0;
}

int cspawn_event(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
