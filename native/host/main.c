/*
 * coracle-host: the agent's child for what Node can't ask of the kernel. Frames on standard input and output; no state: when
 * it dies the agent starts another and repeats what had no answer. Long work (packing, unpacking, destroying) runs in forked workers,
 * so that starting a pod never waits for it.
 *
 * Holds: root. Ends with its agent (end of file on standard input); supervisors that it started go on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../protocol.h"
#include "host.h"

#define MOST_TASKS 512

/* A request whose answer comes later: from a worker's pipe, or from a supervisor that gets ready. */
static struct task {
    int fd;
    uint32_t id;
    pid_t supervisor; /* 0: a worker */
    uint64_t ticks;
    struct buffer text;
} tasks[MOST_TASKS];
static unsigned task_count;
static struct buffer input;

static void answer(struct buffer *out)
{
    for (size_t sent = 0; sent < out->size;) {
        ssize_t count = write(STDOUT_FILENO, out->data + sent, out->size - sent);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) exit(0); /* the agent is gone */
        sent += (size_t)count;
    }
    buffer_free(out);
}

static void answer_error(uint32_t id, const struct failure *failure)
{
    struct buffer out = {0};
    frame_error(&out, id, failure->code, failure->text);
    answer(&out);
}

static void answer_ok(uint32_t id)
{
    struct buffer out = {0};
    size_t frame = frame_begin(&out, OK, id);
    frame_end(&out, frame);
    answer(&out);
}

static void run(uint32_t id, int (*work)(struct reader *, struct failure *), struct reader payload)
{
    struct failure failure = {0};
    if (work(&payload, &failure) == 0) answer_ok(id);
    else answer_error(id, &failure);
}

static void limit(uint32_t id, struct reader payload)
{
    struct failure failure = {0};
    struct buffer out = {0};
    int done = quota_limit(&payload, &failure);
    if (done < 0) return answer_error(id, &failure);
    size_t frame = frame_begin(&out, OK, id);
    write_u32(&out, (uint32_t)done);
    frame_end(&out, frame);
    answer(&out);
}

static void hello(uint32_t id)
{
    struct buffer out = {0};
    size_t frame = frame_begin(&out, OK, id);
    write_u32(&out, PROTOCOL_VERSION);
    write_u32(&out, OLDEST_AGENT);
    frame_end(&out, frame);
    answer(&out);
}

static int add_task(int fd, uint32_t id, pid_t supervisor, uint64_t ticks, struct failure *failure)
{
    if (task_count == MOST_TASKS) return fail(failure, UNAVAILABLE, "more than %d requests at once", MOST_TASKS);
    tasks[task_count++] = (struct task){.fd = fd, .id = id, .supervisor = supervisor, .ticks = ticks};
    return 0;
}

static void run_worker(int (*work)(struct reader *, struct failure *), struct reader payload, int out)
{
    struct failure failure = {0};
    struct buffer text = {0};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(STDIN_FILENO);
    if (work(&payload, &failure) < 0) {
        write_u32(&text, failure.code == 0 ? FAILED : failure.code);
        buffer_append(&text, failure.text, strlen(failure.text) + 1);
    } else {
        write_u32(&text, 0);
    }
    ssize_t written = write(out, text.data, text.size);
    _exit(written == (ssize_t)text.size ? 0 : 1);
}

static void start_worker(uint32_t id, int (*work)(struct reader *, struct failure *), struct reader payload)
{
    struct failure failure = {0};
    int ends[2] = {-1, -1};
    pid_t pid = pipe2(ends, O_CLOEXEC) < 0 ? -1 : fork();
    if (pid == 0) run_worker(work, payload, ends[1]);
    if (pid < 0) fail_errno(&failure, UNAVAILABLE, "forking a worker");
    if (ends[1] >= 0) close(ends[1]);
    if (pid > 0 && add_task(ends[0], id, 0, 0, &failure) == 0) return;
    if (ends[0] >= 0) close(ends[0]);
    answer_error(id, &failure);
}

static void start_supervisor(uint32_t id, struct reader payload)
{
    struct failure failure = {0};
    struct spawned spawned = {0};
    if (spawn(&payload, &spawned, &failure) == 0 && add_task(spawned.ready, id, spawned.pid, spawned.start_ticks, &failure) == 0) return;
    answer_error(id, &failure);
}

static void received(const struct frame *frame)
{
    struct failure failure = {0};
    struct reader payload = frame->payload;
    switch (frame->type) {
    case HOST_HELLO: return hello(frame->id);
    case HOST_SPAWN: return start_supervisor(frame->id, payload);
    case HOST_UNPACK: return start_worker(frame->id, unpack, payload);
    case HOST_PACK: return start_worker(frame->id, pack, payload);
    case HOST_OPAQUE: return start_worker(frame->id, opaque, payload);
    case HOST_DESTROY: return start_worker(frame->id, destroy, payload);
    case HOST_TEARDOWN: return start_worker(frame->id, teardown, payload);
    case HOST_NETWORK: return run(frame->id, network_configure, payload);
    case HOST_USERS: return run(frame->id, users_check, payload);
    case HOST_CGROUPS: return run(frame->id, cgroups_arrange, payload);
    case HOST_QUOTA: return run(frame->id, quota_check, payload);
    case HOST_MEMORY: return run(frame->id, memory_mount, payload);
    case HOST_LIMIT: return limit(frame->id, payload);
    default:
        fail(&failure, FAILED, "unknown request %u", frame->type);
        return answer_error(frame->id, &failure);
    }
}

static void read_requests(void)
{
    uint8_t bytes[65536];
    ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count <= 0) exit(0);
    buffer_append(&input, bytes, (size_t)count);
    size_t used = 0;
    struct frame frame;
    enum frame_result result;
    while ((result = frame_parse(input.data + used, input.size - used, &frame)) == FRAME_COMPLETE) {
        used += frame.size;
        received(&frame);
    }
    if (result == FRAME_BROKEN) {
        fprintf(stderr, "coracle-host: the agent sent what is no frame\n");
        exit(1);
    }
    buffer_drop(&input, used);
}

static void finish_supervisor(const struct task *task)
{
    struct failure failure = {0};
    struct buffer out = {0};
    if (task->text.size != 5 || memcmp(task->text.data, "ready", 5) != 0) {
        kill(task->supervisor, SIGKILL); /* our child, not reaped yet: the pid is surely its */
        fail(&failure, FAILED, "starting the pod's supervisor: %.*s", (int)task->text.size, task->text.size == 0 ? "" : (const char *)task->text.data);
        return answer_error(task->id, &failure);
    }
    size_t frame = frame_begin(&out, OK, task->id);
    write_u32(&out, (uint32_t)task->supervisor);
    write_u64(&out, task->ticks);
    frame_end(&out, frame);
    answer(&out);
}

static void finish_worker(const struct task *task)
{
    struct reader reader = {task->text.data, task->text.data + task->text.size, false};
    struct failure failure = {0};
    failure.code = read_u32(&reader);
    if (reader.bad) fail(&failure, UNAVAILABLE, "the worker ended without an answer");
    else if (failure.code == 0) return answer_ok(task->id);
    else snprintf(failure.text, sizeof failure.text, "%.*s", (int)(reader.end - reader.at), (const char *)reader.at);
    answer_error(task->id, &failure);
}

/* True: the task is done and its place free. */
static bool read_task(struct task *task)
{
    uint8_t bytes[2048];
    ssize_t count = read(task->fd, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) return false;
    if (count > 0) {
        buffer_append(&task->text, bytes, (size_t)count);
        return false;
    }
    close(task->fd);
    if (task->supervisor != 0) finish_supervisor(task);
    else finish_worker(task);
    buffer_free(&task->text);
    return true;
}

static void serve(int children)
{
    static struct pollfd polled[MOST_TASKS + 2];
    for (;;) {
        unsigned count = task_count;
        polled[0] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
        polled[1] = (struct pollfd){children, POLLIN, 0};
        for (unsigned i = 0; i < count; i++) polled[i + 2] = (struct pollfd){tasks[i].fd, POLLIN, 0};
        if (poll(polled, count + 2, -1) < 0 && errno != EINTR) exit(1);
        while (waitpid(-1, NULL, WNOHANG) > 0) {} /* before any answer: who is told that a pod is gone finds no zombie */
        for (unsigned i = count; i-- > 0;) { /* backwards: the last takes a finished one's place */
            if (polled[i + 2].revents != 0 && read_task(&tasks[i])) tasks[i] = tasks[--task_count];
        }
        if (polled[1].revents != 0) {
            struct signalfd_siginfo info;
            while (read(children, &info, sizeof info) > 0) {}
        }
        if (polled[0].revents != 0) read_requests();
    }
}

int main(int argc, char **argv)
{
    struct failure failure = {0};
    sigset_t mask;
    if (argc != 2) {
        fprintf(stderr, "usage: coracle-host <path of coracle-pod>\n");
        return 2;
    }
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    /* a terminal sends these to the agent's whole group: the agent decides, and ends us by end of file */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    int children = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (children < 0 || spawn_prepare(argv[1], &failure) < 0) {
        fprintf(stderr, "coracle-host: %s\n", children < 0 ? strerror(errno) : failure.text);
        return 1;
    }
    serve(children);
}
