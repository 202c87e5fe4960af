/* Holds: root in the host's mount namespace. Every descriptor of the supervisor's is closed first; what a container needs
 * comes with its request. */
#define _GNU_SOURCE
#include "zygote.h"

#include <errno.h>
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

static pid_t start(const struct zygote_request *request, const int *fds)
{
    struct reader reader;
    if (!map_frame(fds[FD_FRAME], request->size, &reader)) return -1;
    if (!spec_parse(&reader, &container)) {
        errno = EBADMSG;
        return -1;
    }
    struct failure told_by_the_child = {0};
    set_oom_score(container.oom_score_adj, &told_by_the_child); /* what exec starts has it from here */
    bool own_pids = request->flags & ZYGOTE_OWN_PIDS;
    if (request->flags & ZYGOTE_SHARED_PIDS && setns(fds[FD_PIDS], CLONE_NEWPID) < 0) return -1;
    /* the supervisor's child, not ours: it reaps, and a zygote's death takes nothing with it */
    pid_t pid = fork_with(CLONE_PARENT | CLONE_NEWNS | CLONE_NEWCGROUP | (own_pids ? CLONE_NEWPID : 0), 0, -1);
    if (pid == 0) launch_container(&container, fds, request->flags & ZYGOTE_TTY);
    return pid;
}

/*
 * The new process is born in all of the container's namespaces: one that the container's could see, and that had the host's
 * mounts still, would lead those with SYS_PTRACE to them by /proc/<pid>/root. Then back by the parent, as a descriptor to
 * come back by would be the child's too.
 */
static pid_t fork_inside(int pids)
{
    if (setns(pids, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWCGROUP) < 0) return -1;
    pid_t pid = fork_with(CLONE_PARENT, 0, -1);
    if (pid == 0) return 0;
    int reason = errno, supervisor = process_fd(getppid());
    if (supervisor < 0 || setns(supervisor, CLONE_NEWNS | CLONE_NEWCGROUP) < 0) {
        fprintf(stderr, "coracle-pod: a zygote does not find back: %s\n", strerror(errno));
        _exit(1);
    }
    close(supervisor);
    errno = reason;
    return pid;
}

static pid_t run_exec(const struct zygote_request *request, const int *fds)
{
    struct reader reader;
    if (!map_frame(fds[FD_FRAME], request->size, &reader)) return -1;
    read_text(&reader); /* the container's id */
    const char **args = read_texts(&reader, NULL);
    pid_t pid = -1;
    if (reader.bad || args[0] == NULL) errno = EBADMSG;
    else if ((pid = fork_inside(fds[FD_PIDS])) == 0) launch_exec(&container, args, fds, request->flags & ZYGOTE_TTY);
    int reason = errno;
    free(args);
    munmap((void *)(uintptr_t)(reader.end - request->size), request->size);
    errno = reason;
    return pid;
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
}

void zygote_run(int socket, unsigned index)
{
    struct zygote_request request;
    int fds[FD_COUNT];
    park(&socket, index);
    while (receive_packet(socket, &request, sizeof request, fds, FD_COUNT, 0) == (ssize_t)sizeof request) {
        pid_t pid = request.operation == ZYGOTE_START ? start(&request, fds) : run_exec(&request, fds);
        struct zygote_reply reply = {request.cookie, (int32_t)pid, pid < 0 ? errno : 0};
        close_all(fds);
        if (send_packet(socket, &reply, sizeof reply, NULL, 0) < 0) break;
    }
    _exit(0);
}
