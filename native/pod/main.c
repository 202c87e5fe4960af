/*
 * coracle-pod: pid 1 of a pod's outer pid namespace (except with hostPID), owner of its network, IPC and UTS namespaces.
 * Started by coracle-host from a sealed memfd with descriptors 3 (the sandbox's directory), 4 (listening socket), 5 (start
 * frame), 6 (where it says that it is ready, or why not) and, if the pod has one, 7 (its user namespace, which owns the others;
 * the supervisor itself stays outside). Outlives the agent; everything in the pod ends with it.
 *
 * Holds: root, in the host's mount namespace. A container's process is never in its pid namespace's view.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../protocol.h"
#include "cgroup.h"
#include "process.h"

struct pod pod = {.directory = 3, .reaper = -1, .users = -1};

static void hello(struct connection *connection, uint32_t id)
{
    struct buffer *out = &connection->out;
    uint32_t running = 0, exited = 0;
    for (const struct container *container = pod.containers; container != NULL; container = container->next) {
        if (container->state == RUNNING) running++;
        else if (container->state == EXITED && container->exit.finished_at != 0) exited++;
    }
    connection->subscribed = true;
    size_t frame = frame_begin(out, OK, id);
    write_text(out, pod.key);
    write_u32(out, running);
    for (const struct container *container = pod.containers; container != NULL; container = container->next) {
        if (container->state != RUNNING) continue;
        write_text(out, container->id);
        write_u32(out, container->init->host_pid);
        write_u64(out, container->init->started_at);
        write_u32(out, container->index);
    }
    write_u32(out, exited);
    for (const struct container *container = pod.containers; container != NULL; container = container->next) {
        if (container->state == EXITED && container->exit.finished_at != 0) write_exit(out, container);
    }
    write_u32(out, PROTOCOL_VERSION);
    write_u32(out, OLDEST_AGENT);
    frame_end(out, frame);
    connection_flush(connection);
}

static void forget_control(struct connection *connection)
{
    for (struct connection **at = &pod.controls; *at != NULL; at = &(*at)->next) {
        if (*at != connection) continue;
        *at = connection->next;
        break;
    }
    connection->next = NULL;
}

static void control_left(struct connection *connection)
{
    forget_control(connection);
    for (struct process *process = pod.processes; process != NULL; process = process->next) {
        if (process->requester == connection) process->requester = NULL;
    }
    for (struct container *container = pod.containers; container != NULL; container = container->next) {
        if (container->remover == connection) container->remover = NULL;
    }
}

static void received(struct connection *connection, const struct frame *frame)
{
    switch (frame->type) {
    case POD_HELLO: return hello(connection, frame->id);
    case POD_CONFIGURE: return pod_configure(connection, frame->id, frame->payload);
    case POD_START: return container_start(connection, frame->id, frame->payload);
    case POD_SIGNAL: return container_signal(connection, frame->id, frame->payload);
    case POD_REMOVE: return container_remove(connection, frame->id, frame->payload);
    case POD_RESIZE: return container_resize(connection, frame->id, frame->payload);
    default: break;
    }
    forget_control(connection); /* from here on the connection is a stream */
    connection->ended = NULL;
    if (frame->type == POD_EXEC) return container_exec(connection, frame->id, frame->payload);
    if (frame->type == POD_ATTACH) return container_attach(connection, frame->id, frame->payload);
    if (frame->type == POD_DIAL) return dial(connection, frame->id, frame->payload);
    connection_error(connection, frame->id, FAILED, "unknown request");
    connection_finish(connection);
}

static void accept_ready(struct source *source, uint32_t events)
{
    (void)events;
    int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    struct connection *connection = connection_accept(fd, received);
    connection->ended = control_left;
    connection->next = pod.controls;
    pod.controls = connection;
}

static void child_ready(struct source *source, uint32_t events)
{
    struct signalfd_siginfo info;
    (void)events;
    while (read(source->fd, &info, sizeof info) == (ssize_t)sizeof info) {}
    processes_reap();
}

/* `{key, cgroups (cgroup_open), u32 pod flags, u32 zygotes, u32 first id of the pod's users, or 0, masked paths, read-only paths}` */
static int prepare(struct failure *failure)
{
    static uint8_t bytes[8192];
    ssize_t size = pread(5, bytes, sizeof bytes, 0);
    struct reader reader = {bytes, bytes + (size < 0 ? 0 : size), false};
    snprintf(pod.key, sizeof pod.key, "%s", read_text(&reader));
    if (cgroup_open(&reader, failure) < 0) return -1;
    pod.flags = read_u32(&reader);
    uint32_t zygotes = read_u32(&reader);
    pod.first_id = read_u32(&reader);
    if (pod.first_id != 0) pod.users = 7;
    pod.masked = read_texts(&reader, NULL);
    pod.read_only = read_texts(&reader, NULL);
    if (reader.bad || zygotes > 16) return fail(failure, FAILED, "the start frame is malformed");
    if (cgroup_enter("supervisor", failure) < 0 || pod_prepare(failure) < 0) return -1;
    return zygotes_prepare(zygotes, failure);
}

static int watch_children(struct failure *failure)
{
    static struct source children;
    sigset_t mask;
    /* what the agent's parents ignore is no business of the containers, which inherit from here */
    for (int number = 1; number < 32; number++) {
        if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
    }
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_SETMASK, &mask, NULL) < 0) return fail_errno(failure, FAILED, "blocking signals");
    int fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return fail_errno(failure, FAILED, "making a signalfd");
    loop_add(&children, fd, EPOLLIN, child_ready);
    return 0;
}

int main(void)
{
    static struct source listener;
    struct failure failure = {0};
    umask(0);
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* matters with hostPID only, where we are not pid 1 */
    prctl(PR_SET_NAME, "coracle-pod");
    for (int fd = 3; fd <= 7; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
    loop_create();
    if (watch_children(&failure) < 0 || prepare(&failure) < 0) {
        dprintf(6, "%s", failure.text);
        return 1;
    }
    loop_add(&listener, 4, EPOLLIN, accept_ready);
    close(5);
    if (write(6, "ready", 5) < 0) return 1;
    close(6);
    loop_run();
}
