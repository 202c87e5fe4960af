/* Containers of a runtime handler: an OCI runtime that the machine has makes them, and runs what is executed in them. */
#ifndef CORACLE_RUNTIME_H
#define CORACLE_RUNTIME_H

#include <stdbool.h>
#include <sys/types.h>

#include "spec.h"

/*
 * Called by a container's zygote, which waits meanwhile. `spec->runtime` is the runtime's path and its own options. The bundle is
 * the container's directory on the host: there `root` is the overlay and `volumes/<i>` the spec's mounts, in the runtime's mount
 * namespace only; config.json is `spec->config`, its parts joined by the name of the container's cgroup; `pids` is the pid namespace
 * that SHARED_PIDS and JOINED_PIDS mean, and `state` what the runtime remembers.
 *
 * The answer is the new process, a child of the supervisor; -1 with errno 0: why is on FD_STATUS. `preparer`: the runtime, ended.
 */
pid_t runtime_start(const struct spec *, const int *fds, bool tty, pid_t *preparer);
pid_t runtime_exec(const struct spec *, const char **args, const int *fds, bool tty, pid_t *preparer);

#endif
