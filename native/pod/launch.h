/* From a zygote's fork to exec: what runs in the new process, in order. */
#ifndef CORACLE_LAUNCH_H
#define CORACLE_LAUNCH_H

#include "spec.h"

/* `fds`: enum zygote_fd. Both end in exec or _exit; failures go out on FD_STATUS. */
void launch_container(const struct spec *, const int *fds, bool tty) __attribute__((noreturn));
void launch_exec(const struct spec *, const char **args, const int *fds, bool tty) __attribute__((noreturn));

#endif
