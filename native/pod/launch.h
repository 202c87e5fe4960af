/* From a zygote's fork to exec: what runs in the new process, in order. */
#ifndef CORACLE_LAUNCH_H
#define CORACLE_LAUNCH_H

#include <sys/types.h>

#include "rootfs.h"
#include "spec.h"

/* `fds`: enum zygote_fd. Both end in exec or _exit; failures go out on FD_STATUS, and from when it is ready on FD_FAULT.
 * `stage`: NULL: nothing is made yet (rootfs.h). `born`: shared memory where the kernel leaves the pid of what is forked into the
 * pid namespace of FD_PIDS; NULL: the calling process itself becomes the container's. */
void launch_container(const struct spec *, const int *fds, const struct stage *, bool tty, pid_t *born) __attribute__((noreturn));
/* Begins with the zygote's oom_score_adj. */
void launch_exec(const struct spec *, const char **args, const int *fds, bool tty, pid_t *born) __attribute__((noreturn));
/* As every program expects them: nothing blocked, nothing ignored. */
void reset_signals(void);
/* Of the calling process; raised only, where lowering is not allowed. */
int set_oom_score(int score, struct failure *);

#endif
