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
#include "kernelfs.h"
#include "launch.h"
#include "process.h"
#include "runtime.h"

/* The container's spec stays mapped for exec: same user, environment, capabilities, filter. */
static struct spec container;
/* Shared with preparers, for the pid that the kernel gives what they fork. */
static pid_t *born;

/* The container's first process, if the container is as most are: it has made what they all see of the kernel, and waits. */
static struct parked {
    pid_t pid;
    int pidfd, channel;
} parked = {.pidfd = -1, .channel = -1};

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
    if (pod.flags & POD_HOST_IPC) container.flags |= HOST_IPC;
    container.first_id = pod.first_id;
    struct failure told_by_the_child = {0};
    set_oom_score(container.oom_score_adj, &told_by_the_child); /* what exec starts has it from here */
    return true;
}

static void await_end(int pidfd)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    while (poll(&ended, 1, -1) <= 0) {}
    close(pidfd);
}

static bool same_texts(const char *const *some, const char *const *others)
{
    for (; *some != NULL && *others != NULL; some++, others++) {
        if (strcmp(*some, *others) != 0) return false;
    }
    return *some == *others;
}

/* Hands the request to who is parked; false: it has to be done from the start. */
static bool start_parked(const struct zygote_request *request, const int *fds)
{
    if (parked.channel < 0 || container.flags & PRIVILEGED || !(request->flags & ZYGOTE_OWN_PIDS)) return false;
    if (!same_texts(container.masked, pod.masked) || !same_texts(container.read_only, pod.read_only)) return false;
    return send_packet(parked.channel, request, sizeof *request, fds, FD_COUNT) == 0;
}

/* Nobody else is in a new pid namespace. */
static pid_t start(const struct zygote_request *request, const int *fds)
{
    if (start_parked(request, fds)) return parked.pid;
    pid_t pid = fork_with(CLONE_PARENT | CLONE_NEWNS | CLONE_NEWCGROUP | (request->flags & ZYGOTE_OWN_PIDS ? CLONE_NEWPID : 0), 0, -1);
    if (pid == 0) launch_container(&container, fds, NULL, request->flags & ZYGOTE_TTY, NULL);
    return pid;
}

/* Has become the container's, or is of no more use: then the container's cgroup has to be free of it. */
static void dismiss_parked(bool is_container)
{
    if (parked.pidfd < 0) return;
    if (is_container) close(parked.pidfd);
    else {
        signal_fd(parked.pidfd, SIGKILL);
        await_end(parked.pidfd);
    }
    close(parked.channel);
    parked = (struct parked){.pidfd = -1, .channel = -1};
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
    *preparer = fork_followed(CLONE_PARENT | CLONE_NEWNS | CLONE_NEWCGROUP, &pidfd);
    if (*preparer == 0) launch_container(&container, fds, NULL, request->flags & ZYGOTE_TTY, born);
    return born_by(*preparer, pidfd);
}

static pid_t start_by_runtime(const struct zygote_request *request, const int *fds, pid_t *preparer)
{
    dismiss_parked(false);
    return runtime_start(&container, fds, request->flags & ZYGOTE_TTY, preparer);
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
    else if (container.runtime[0] != NULL) pid = runtime_exec(&container, args, fds, request->flags & ZYGOTE_TTY, preparer);
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
    else if (!parse_container(request, fds)) pid = -1;
    else if (container.runtime[0] != NULL) pid = start_by_runtime(request, fds, &preparer);
    else if (request->flags & (ZYGOTE_SHARED_PIDS | ZYGOTE_JOINED_PIDS)) pid = start_among_others(request, fds, &preparer);
    else pid = start(request, fds);
    return (struct zygote_reply){request->cookie, (int32_t)pid, pid < 0 ? errno : 0, (int32_t)(preparer < 0 ? 0 : preparer)};
}

/* What could not be staged is made, or refused with its reason, when there is a container: among the host's mounts as they are then. */
static void be_parked(int channel, int host, int sandbox)
{
    const struct spec ordinary = {.masked = pod.masked, .read_only = pod.read_only, .flags = pod.flags & POD_HOST_IPC ? HOST_IPC : 0};
    struct failure failure = {0};
    struct zygote_request request;
    int fds[FD_COUNT];
    prctl(PR_SET_NAME, "coracle-parked");
    struct stage stage = {kernelfs_stage(&ordinary, sandbox, &failure), host};
    bool is_staged = stage.kernelfs >= 0;
    if (receive_packet(channel, &request, sizeof request, fds, FD_COUNT, 0) != (ssize_t)sizeof request) _exit(0);
    if (!parse_container(&request, fds)) _exit(255);
    if (!is_staged && (setns(host, CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0)) _exit(255);
    launch_container(&container, fds, is_staged ? &stage : NULL, request.flags & ZYGOTE_TTY, NULL);
}

/* Namespaces, and what is mounted in them, cost the same ahead of time. The supervisor's child, as all are that a zygote forks: it
 * reaps, and a zygote's death takes nothing with it. */
static void prepare_parked(int sandbox)
{
    int ends[2], host = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (host < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return;
    parked.pid = fork_followed(CLONE_PARENT | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWPID, &parked.pidfd);
    if (parked.pid == 0) {
        close(ends[0]);
        be_parked(ends[1], host, sandbox);
    }
    close(ends[1]);
    close(host);
    if (parked.pid > 0) parked.channel = ends[0];
    else close(ends[0]);
}

static void park(int *socket, int *sandbox, unsigned index)
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
    int directory = fcntl(pod.directory, F_DUPFD_CLOEXEC, 5);
    if (directory < 0 || dup2(*socket, 3) < 0 || dup3(directory, 4, O_CLOEXEC) < 0) _exit(1);
    *socket = 3;
    *sandbox = 4;
    close_from(5);
    born = mmap(NULL, sizeof *born, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (born == MAP_FAILED) _exit(1);
}

static bool is_awaited(int socket)
{
    struct pollfd waiting = {.fd = socket, .events = POLLIN};
    return poll(&waiting, 1, 0) != 0;
}

void zygote_run(int socket, unsigned index)
{
    struct zygote_request request;
    int fds[FD_COUNT], sandbox;
    park(&socket, &sandbox, index);
    if (!(pod.flags & POD_HOST_PIDS) && pod.first_id == 0 && !is_awaited(socket)) prepare_parked(sandbox);
    close(sandbox);
    while (receive_packet(socket, &request, sizeof request, fds, FD_COUNT, 0) == (ssize_t)sizeof request) {
        struct zygote_reply reply = serve(&request, fds);
        close_all(fds);
        if (send_packet(socket, &reply, sizeof reply, NULL, 0) < 0) break;
        dismiss_parked(reply.pid == parked.pid);
    }
    _exit(0);
}
