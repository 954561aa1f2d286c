#ifndef CSPAWN_H
#define CSPAWN_H

#include <stddef.h>
#include <sys/types.h>

/// A limit on a resource, as setrlimit(2) names it.
struct cspawn_limit {
    int resource;
    unsigned long long value;
};

/// What is to be run. Everything is borrowed for the call.
struct cspawn_plan {
    const char *_Nonnull program;
    char *_Nullable const *_Nullable arguments;
    char *_Nullable const *_Nullable environment;
    const char *_Nonnull folder;
    int input;
    int output;
    int error;
    const struct cspawn_limit *_Nullable limits;
    size_t limit_count;
};

enum cspawn_step {
    CSPAWN_STARTED = 0,
    CSPAWN_FORK,
    CSPAWN_SESSION,
    CSPAWN_PARENT,
    CSPAWN_LIMIT,
    CSPAWN_FOLDER,
    CSPAWN_STREAMS,
    CSPAWN_EXEC,
};

/// The child, or the step that failed with its errno; there is no child then, not even a zombie.
struct cspawn_result {
    pid_t pid;
    int step;
    int error;
};

/// Starts a program in a session of its own. The child dies with the *thread* that calls this.
struct cspawn_result cspawn(const struct cspawn_plan *_Nonnull plan);

/// A descriptor that is readable once the process has ended, or -1.
int cspawn_pidfd(pid_t pid);

/// A pipe whose ends are closed on exec: reader and writer. 0, or -1 with errno.
int cspawn_pipe(int *_Nonnull reader, int *_Nonnull writer);

/// An eventfd that never blocks and is closed on exec, or -1 with errno.
int cspawn_event(void);

#endif
