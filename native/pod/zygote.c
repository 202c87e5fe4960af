/*
 * Holds: root in the host's mount namespace. Every descriptor of the supervisor's is closed first; what a container needs
 * comes with its request.
 *
 * A container with SYS_PTRACE has the mounts, memory, descriptors and capabilities of whatever its pid namespace shows. So
 * nothing is made ready where a container looks on already: a preparer does that outside of the pid namespace, and, when it is
 * itself no more than the container's process, forks into it what only has to call exec (launch.c).
 */
#define _GNU_SOURCE
#include "zygote.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "cgroup.h"
#include "launch.h"

/* The container's spec stays mapped for exec: same user, environment, capabilities, filter. */
static struct spec container;
/* Shared with preparers, for the pid that the kernel gives what they fork. */
static pid_t *born;

static bool map_frame(int fd, uint32_t size, struct reader *reader)
{
    const uint8_t *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) return false;
    *reader = (struct reader){bytes, bytes + size, false};
    return true;
}

static void close_all(int *fds)
{
    for (unsigned i = 0; i < FD_COUNT; i++) {
        if (fds[i] >= 0) close(fds[i]);
    }
}

static bool parse_container(const struct zygote_request *request, const int *fds)
{
    struct reader reader;
    if (!map_frame(fds[FD_FRAME], request->size, &reader)) return false;
    if (!spec_parse(&reader, &container)) {
        errno = EBADMSG;
        return false;
    }
    if (request->flags & ZYGOTE_SHARED_PIDS) container.flags |= SHARED_PIDS;
    if (request->flags & ZYGOTE_JOINED_PIDS) container.flags |= JOINED_PIDS;
    container.first_id = request->first_id;
    struct failure told_by_the_child = {0};
    set_oom_score(container.oom_score_adj, &told_by_the_child); /* what exec starts has it from here */
    return true;
}

/* The supervisor's child, not ours: it reaps, and a zygote's death takes nothing with it. Nobody else is in a new pid namespace. */
static pid_t start(const struct zygote_request *request, const int *fds)
{
    if (!parse_container(request, fds)) return -1;
    pid_t pid = fork_with(CLONE_PARENT | CLONE_NEWNS | CLONE_NEWCGROUP | (request->flags & ZYGOTE_OWN_PIDS ? CLONE_NEWPID : 0), 0, -1);
    if (pid == 0) launch_container(&container, fds, request->flags & ZYGOTE_TTY, NULL);
    return pid;
}

static void await_end(int pidfd)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    while (poll(&ended, 1, -1) <= 0) {}
    close(pidfd);
}

/* -1 with errno 0: the preparer has said why. */
static pid_t born_by(pid_t preparer, int pidfd)
{
    if (preparer < 0) return -1;
    await_end(pidfd);
    errno = 0;
    return *born == 0 ? -1 : *born;
}

static pid_t start_among_others(const struct zygote_request *request, const int *fds, pid_t *preparer)
{
    int pidfd = -1;
    if (!parse_container(request, fds)) return -1;
    *preparer = fork_followed(CLONE_PARENT | CLONE_NEWNS | CLONE_NEWCGROUP, &pidfd);
    if (*preparer == 0) launch_container(&container, fds, request->flags & ZYGOTE_TTY, born);
    return born_by(*preparer, pidfd);
}

static pid_t run_exec(const struct zygote_request *request, const int *fds, pid_t *preparer)
{
    struct reader reader;
    if (!map_frame(fds[FD_FRAME], request->size, &reader)) return -1;
    read_text(&reader); /* the container's id */
    const char **args = read_texts(&reader, NULL);
    pid_t pid = -1;
    int pidfd = -1;
    if (reader.bad || args[0] == NULL) errno = EBADMSG;
    else {
        *preparer = fork_followed(CLONE_PARENT, &pidfd);
        if (*preparer == 0) launch_exec(&container, args, fds, request->flags & ZYGOTE_TTY, born);
        pid = born_by(*preparer, pidfd);
    }
    int reason = errno;
    free(args);
    munmap((void *)(uintptr_t)(reader.end - request->size), request->size);
    errno = reason;
    return pid;
}

static struct zygote_reply serve(const struct zygote_request *request, const int *fds)
{
    pid_t preparer = 0, pid;
    *born = 0;
    if (request->operation == ZYGOTE_EXEC) pid = run_exec(request, fds, &preparer);
    else if (request->flags & (ZYGOTE_SHARED_PIDS | ZYGOTE_JOINED_PIDS)) pid = start_among_others(request, fds, &preparer);
    else pid = start(request, fds);
    return (struct zygote_reply){request->cookie, (int32_t)pid, pid < 0 ? errno : 0, (int32_t)(preparer < 0 ? 0 : preparer)};
}

static void park(int *socket, unsigned index)
{
    char child[16];
    struct failure failure = {0};
    snprintf(child, sizeof child, "c%u", index);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "coracle-zygote");
    if (cgroup_enter(child, &failure) < 0) {
        fprintf(stderr, "coracle-pod: %s\n", failure.text);
        _exit(1);
    }
    cgroup_remember(index);
    if (dup2(*socket, 3) < 0) _exit(1);
    *socket = 3;
    close_from(4);
    born = mmap(NULL, sizeof *born, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (born == MAP_FAILED) _exit(1);
}

void zygote_run(int socket, unsigned index)
{
    struct zygote_request request;
    int fds[FD_COUNT];
    park(&socket, index);
    while (receive_packet(socket, &request, sizeof request, fds, FD_COUNT, 0) == (ssize_t)sizeof request) {
        struct zygote_reply reply = serve(&request, fds);
        close_all(fds);
        if (send_packet(socket, &reply, sizeof reply, NULL, 0) < 0) break;
    }
    _exit(0);
}
