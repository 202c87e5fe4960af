#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "../small-file.h"
#include "cgroup.h"
#include "zygote.h"

static uint32_t last_cookie;
static unsigned unanswered; /* requests that zygotes have not replied to */

static void release(void *subject)
{
    free(subject);
}

static void forget(struct process *process)
{
    for (struct process **at = &pod.processes; *at != NULL; at = &(*at)->next) {
        if (*at != process) continue;
        *at = process->next;
        break;
    }
    loop_remove(&process->status);
    loop_remove(&process->fault);
    streams_close(&process->streams);
    if (process->pidfd >= 0) close(process->pidfd);
    loop_defer(release, process);
}

/* Acts once it is known how a launch went, and once more when a launched process has ended. */
static void settle(struct process *process)
{
    if (!process->settled) {
        bool refused = process->pid < 0;
        if (!refused && (process->pid == 0 || !process->status_ended || !process->fault_ended)) return;
        bool good = !refused && process->ready && process->failure.code == 0;
        if (good && !process->is_exec && cgroup_limit_cpu((int)process->container->index, &process->container->resources, &process->failure) < 0) {
            good = false;
            signal_fd(process->pidfd, SIGKILL);
        }
        if (!good && !refused && !process->reaped) return;
        process->settled = true;
        if (!good) {
            if (process->failure.code == 0) fail(&process->failure, FAILED, "the process ended before it could run its command (wait status %d)", process->wait_status);
            launch_failed(process);
            return forget(process);
        }
        process->started_at = now_ms();
        launched(process);
    }
    if (!process->reaped) return;
    streams_drain(&process->streams);
    ended(process);
    forget(process);
}

static void read_status(struct process *process)
{
    struct status message = {0};
    int fd;
    while (process->status.fd >= 0) {
        ssize_t size = receive_packet(process->status.fd, &message, sizeof message, &fd, 1, MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) {
            process->status_ended = true;
            loop_remove(&process->status);
            return;
        }
        if (message.kind == STATUS_TERMINAL && fd >= 0) streams_set_terminal(&process->streams, fd);
        else if (fd >= 0) close(fd);
        if (message.kind == STATUS_READY) process->ready = true;
        if (message.kind == STATUS_FAILED && process->failure.code == 0) { /* what follows is the first one's consequence */
            message.text[sizeof message.text - 1] = 0;
            fail(&process->failure, message.code, "%s", message.text);
        }
    }
}

static void status_ready(struct source *source, uint32_t events)
{
    struct process *process = container_of(source, struct process, status);
    (void)events;
    read_status(process);
    if (process->status_ended) settle(process);
}

/* Whoever writes here may be another container's to trace: nothing but a failure is believed, and a pipe leads to nobody. */
static void read_fault(struct process *process)
{
    struct status message;
    while (process->fault.fd >= 0) {
        ssize_t size = read(process->fault.fd, &message, sizeof message);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size <= 0) {
            process->fault_ended = true;
            loop_remove(&process->fault);
            return;
        }
        message.text[sizeof message.text - 1] = 0;
        if (size == (ssize_t)sizeof message && message.kind == STATUS_FAILED) fail(&process->failure, message.code == 0 ? FAILED : message.code, "%s", message.text);
    }
}

static void fault_ready(struct source *source, uint32_t events)
{
    struct process *process = container_of(source, struct process, fault);
    (void)events;
    read_fault(process);
    if (process->fault_ended) settle(process);
}

static int frame_file(const void *frame, size_t size)
{
    int fd = memfd_create("coracle-frame", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, frame, size) == (ssize_t)size) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static int container_directory(const struct container *container)
{
    char path[96];
    snprintf(path, sizeof path, "c/%s", container->id);
    return openat(pod.directory, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The descriptors of a request; those that the operation has no use for are /dev/null. */
static int request_fds(const struct process *process, const void *frame, size_t size, int fds[FD_COUNT], struct failure *failure)
{
    const struct container *container = process->container;
    int pids = process->is_exec ? container->init->pidfd : container->joins != NULL ? container->joins->init->pidfd : pod.reaper;
    fds[FD_FRAME] = frame_file(frame, size);
    fds[FD_PIDS] = pids >= 0 ? fcntl(pids, F_DUPFD_CLOEXEC, 0) : open("/dev/null", O_RDONLY | O_CLOEXEC);
    fds[FD_DIRECTORY] = process->is_exec ? open("/dev/null", O_RDONLY | O_CLOEXEC) : container_directory(container);
    fds[FD_USERS] = process->is_exec || pod.users < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : fcntl(pod.users, F_DUPFD_CLOEXEC, 0);
    fds[FD_SANDBOX] = process->is_exec ? open("/dev/null", O_RDONLY | O_CLOEXEC) : fcntl(pod.directory, F_DUPFD_CLOEXEC, 0);
    if (fds[FD_FRAME] < 0 || fds[FD_PIDS] < 0 || fds[FD_DIRECTORY] < 0 || fds[FD_SANDBOX] < 0 || fds[FD_USERS] < 0) return fail_errno(failure, FAILED, "preparing the request to the zygote");
    return 0;
}

static int request(struct process *process, const void *frame, size_t size, int fds[FD_COUNT], struct failure *failure)
{
    int status[2], fault[2];
    if (request_fds(process, frame, size, fds, failure) < 0) return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, status) < 0) return fail_errno(failure, FAILED, "making a status socket");
    loop_add(&process->status, status[0], EPOLLIN, status_ready);
    fds[FD_STATUS] = status[1];
    if (pipe2(fault, O_CLOEXEC) < 0) return fail_errno(failure, FAILED, "making a pipe");
    loop_add(&process->fault, fault[0], EPOLLIN, fault_ready);
    fds[FD_FAULT] = fault[1];
    if (fcntl(fault[0], F_SETFL, O_NONBLOCK) < 0) return fail_errno(failure, FAILED, "making a pipe");
    uint32_t pids = process->container->flags & JOINED_PIDS ? ZYGOTE_JOINED_PIDS : pod.reaper >= 0 ? ZYGOTE_SHARED_PIDS : pod.flags & POD_HOST_PIDS ? 0u : ZYGOTE_OWN_PIDS;
    uint32_t flags = (process->streams.terminal ? ZYGOTE_TTY : 0u) | pids;
    struct zygote_request message = {process->is_exec ? ZYGOTE_EXEC : ZYGOTE_START, process->cookie, flags, (uint32_t)size};
    const struct zygote *zygote = process->container->zygote;
    if (zygote->source.fd < 0) return fail(failure, UNAVAILABLE, "the container's zygote is gone");
    if (send_packet(zygote->source.fd, &message, sizeof message, fds, FD_COUNT) < 0) return fail_errno(failure, UNAVAILABLE, "asking the container's zygote");
    return 0;
}

struct process *process_launch(struct container *container, bool is_exec, const void *frame, size_t size, bool terminal, bool input, struct failure *failure)
{
    struct process *process = must_alloc(sizeof *process);
    int fds[FD_COUNT];
    for (int i = 0; i < FD_COUNT; i++) fds[i] = -1;
    *process = (struct process){.cookie = ++last_cookie, .pidfd = -1, .container = container, .is_exec = is_exec, .status.fd = -1, .fault.fd = -1};
    int result = streams_open(&process->streams, terminal, input, &fds[FD_IN], failure);
    if (result == 0) {
        /* a container's log is there already; an exec's client comes with the answer, and must lose nothing until then */
        if (!is_exec) streams_start(&process->streams);
        result = request(process, frame, size, fds, failure);
    }
    for (int i = 0; i < FD_COUNT; i++) {
        if (fds[i] >= 0) close(fds[i]);
    }
    if (result < 0) {
        forget(process);
        return NULL;
    }
    unanswered++;
    process->next = pod.processes;
    pod.processes = process;
    return process;
}

pid_t process_pid(int pidfd)
{
    char path[48], text[512];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    read_small(AT_FDCWD, path, text, sizeof text);
    const char *at = strstr(text, "Pid:");
    return at == NULL ? 0 : (pid_t)strtol(at + 4, NULL, 10);
}

void process_replied(uint32_t cookie, pid_t pid, pid_t preparer, int error)
{
    int status = 0;
    if (preparer > 0) waitpid(preparer, &status, 0);
    struct process *process = pod.processes;
    while (process != NULL && process->cookie != cookie) process = process->next;
    unanswered--;
    if (process != NULL && pid > 0) {
        process->pid = pid;
        process->pidfd = process_fd(pid);
        process->host_pid = (uint32_t)process_pid(process->pidfd);
    } else if (process != NULL) {
        process->pid = -1;
        process->wait_status = status;
        read_status(process); /* a preparer's words are all there: it has ended */
        read_fault(process);
        errno = error;
        if (error != 0) fail_errno(&process->failure, FAILED, "starting a process in the container");
    }
    if (process != NULL) settle(process);
    processes_reap();
}

void processes_abandon(const struct zygote *zygote)
{
    for (struct process *process = pod.processes, *next; process != NULL; process = next) {
        next = process->next;
        if (process->container->zygote != zygote || process->pid != 0) continue;
        unanswered--;
        process->pid = -1;
        if (!process->is_exec) cgroup_kill(process->container->index, -1); /* whoever it had begun to start */
        fail(&process->failure, UNAVAILABLE, "the container's zygote ended");
        settle(process);
    }
}

static struct process *find(pid_t pid)
{
    struct process *process = pod.processes;
    while (process != NULL && process->pid != pid) process = process->next;
    return process;
}

void processes_reap(void)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) return;
        struct process *process = find(info.si_pid);
        /* it may have ended before its zygote could tell us who it is: look again after the reply */
        if (process == NULL && unanswered > 0 && info.si_pid != pod.reaper_pid) {
            struct zygote *zygote = pod.zygotes;
            while (zygote != NULL && zygote->pid != info.si_pid) zygote = zygote->next;
            if (zygote == NULL) return;
        }
        int status = 0;
        if (waitpid(info.si_pid, &status, 0) < 0) return;
        if (process == NULL) {
            zygote_reaped(info.si_pid);
            continue;
        }
        process->reaped = true;
        process->wait_status = status;
        read_status(process); /* its words are all there: the other ends are closed */
        read_fault(process);
        settle(process);
    }
}
