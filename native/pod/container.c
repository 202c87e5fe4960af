#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kernel.h"
#include "../project.h"
#include "../protocol.h"
#include "cgroup.h"
#include "process.h"
#include "rootfs.h"

uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct container *container_find(const char *id)
{
    struct container *container = pod.containers;
    while (container != NULL && strcmp(container->id, id) != 0) container = container->next;
    return container;
}

static void release(void *container)
{
    free(container);
}

static void forget(struct container *container)
{
    for (struct container **at = &pod.containers; *at != NULL; at = &(*at)->next) {
        if (*at != container) continue;
        *at = container->next;
        break;
    }
    log_close(container->log);
    container->log = NULL;
    loop_defer(release, container);
}

static int make_directories(const char *id, uint32_t project, struct failure *failure)
{
    static const char *const parts[] = {"", "/upper", "/work", "/root"};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        char path[120];
        snprintf(path, sizeof path, "c/%s%s", id, parts[i]);
        if (mkdirat(pod.directory, path, i == 1 ? 0755 : 0700) < 0) return fail_errno(failure, FAILED, "making %s in the sandbox's directory", path);
        /* both: between different projects nothing can be renamed */
        if (project != 0 && (i == 1 || i == 2) && project_give(pod.directory, path, project) < 0) return fail_errno(failure, FAILED, "giving %s its project", path);
        /* the container's /: a writable layer is gone with it, so its owners need no mapping */
        if (i == 1 && fchownat(pod.directory, path, pod.first_id, pod.first_id, AT_SYMLINK_NOFOLLOW) < 0) return fail_errno(failure, FAILED, "giving %s to the pod's root", path);
    }
    return 0;
}

static bool valid_id(const char *id)
{
    size_t length = strlen(id);
    return length > 0 && length <= 64 && strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz-") == length;
}

/* Memory volumes that the pod's containers share: `source` names them, and they live as long as the pod. */
static int make_shared_tmpfs(const struct spec *spec, struct failure *failure)
{
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        const struct mount *mount = &spec->mounts[i];
        if (mount->type != MOUNT_TMPFS || mount->source[0] == 0) continue;
        if (strchr(mount->source, '/') != NULL || mount->source[0] == '.') return fail(failure, MOUNT_FAILED, "'%s' is no name for a memory volume", mount->source);
        char path[300], options[64] = "mode=777";
        snprintf(path, sizeof path, "tmpfs/%s", mount->source);
        if (mkdirat(pod.directory, path, 0755) < 0) {
            if (errno == EEXIST) continue;
            return fail_errno(failure, MOUNT_FAILED, "making the memory volume %s", mount->source);
        }
        if (mount->size != ABSENT) snprintf(options, sizeof options, "mode=777,size=%llu", (unsigned long long)mount->size);
        int target = openat(pod.directory, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (target < 0) return fail_errno(failure, MOUNT_FAILED, "opening the memory volume %s", mount->source);
        if (mount_on(target, "tmpfs", options, MS_NOSUID | MS_NODEV, path, failure) < 0) return -1;
    }
    return 0;
}

static struct container *create(const struct spec *spec, struct failure *failure)
{
    if (!valid_id(spec->id) || container_find(spec->id) != NULL) {
        fail(failure, FAILED, "'%s' is no id for a new container", spec->id);
        return NULL;
    }
    struct container *container = must_alloc(sizeof *container);
    snprintf(container->id, sizeof container->id, "%s", spec->id);
    container->flags = spec->flags;
    container->next = pod.containers;
    pod.containers = container;
    if (make_directories(spec->id, spec->project, failure) < 0 || make_shared_tmpfs(spec, failure) < 0) return container;
    container->log = log_open(spec->log_path, spec->log_max_bytes, spec->log_max_files, failure);
    if (container->log == NULL) return container;
    container->zygote = zygote_take(container, failure);
    if (container->zygote == NULL) return container;
    container->index = container->zygote->index;
    container->placed = true;
    container->resources = spec->resources;
    if (cgroup_limit((int)container->index, &spec->resources, failure) == 0) cgroup_write((int)container->index, spec->files, failure);
    return container;
}

/* Where all of a pod's containers, or the machine's, share their processes already, there is nothing to join. */
static int find_joined(struct container *container, const char *id, struct failure *failure)
{
    if (id[0] == 0 || pod.reaper >= 0 || pod.flags & POD_HOST_PIDS) return 0;
    const struct container *joined = container_find(id);
    if (joined == NULL || joined->state != RUNNING) return fail(failure, NOT_FOUND, "container %s, whose processes are to be joined, is not running", id);
    container->joins = joined;
    container->flags |= JOINED_PIDS;
    return 0;
}

void container_start(struct connection *connection, uint32_t id, struct reader payload)
{
    struct failure failure = {0};
    struct spec spec;
    const uint8_t *bytes = payload.at;
    size_t size = (size_t)(payload.end - payload.at);
    struct container *container = NULL;
    if (!spec_parse(&payload, &spec)) fail(&failure, FAILED, "the container's specification is malformed");
    else container = create(&spec, &failure);
    if (failure.code == 0 && find_joined(container, spec.joins, &failure) == 0) {
        container->init = process_launch(container, false, bytes, size, spec.flags & TTY, spec.flags & STDIN, &failure);
        container->joins = NULL;
    }
    spec_free(&spec);
    if (failure.code == 0) {
        container->init->streams.log = container->log;
        container->init->requester = connection;
        container->init->request_id = id;
        return;
    }
    if (container != NULL) container->state = EXITED;
    connection_error(connection, id, failure.code, failure.text);
}

static void exec_left(struct connection *connection)
{
    for (struct process *process = pod.processes; process != NULL; process = process->next) {
        if (process->requester != connection) continue;
        process->requester = NULL;
        streams_remove_viewer(&process->streams, connection);
        if (process->is_exec && process->pidfd >= 0) signal_fd(process->pidfd, SIGKILL);
    }
}

static void stream_received(struct connection *connection, const struct frame *frame)
{
    if (connection->owner != NULL) streams_received(connection->owner, connection, frame);
}

static struct container *running(struct reader *payload, struct failure *failure)
{
    const char *id = read_text(payload);
    struct container *container = container_find(id);
    if (container != NULL && container->state == RUNNING) return container;
    fail(failure, NOT_FOUND, "container %s is not running", id);
    return NULL;
}

void container_exec(struct connection *connection, uint32_t id, struct reader payload)
{
    struct failure failure = {0};
    const uint8_t *bytes = payload.at;
    size_t size = (size_t)(payload.end - payload.at);
    struct container *container = running(&payload, &failure);
    free(read_texts(&payload, NULL));
    uint32_t terminal = read_u32(&payload), input = read_u32(&payload);
    if (container != NULL && payload.bad) fail(&failure, FAILED, "the exec request is malformed");
    struct process *process = failure.code != 0 ? NULL : process_launch(container, true, bytes, size, terminal, input, &failure);
    if (process == NULL) {
        connection_error(connection, id, failure.code, failure.text);
        return connection_finish(connection);
    }
    process->requester = connection;
    process->request_id = id;
    connection->sends_input = input;
    connection->received = stream_received;
    connection->ended = exec_left;
    connection->stalled = true; /* until the process runs */
}

static void attached_left(struct connection *connection)
{
    struct streams *streams = connection->owner;
    if (streams == NULL) return;
    struct process *process = container_of(streams, struct process, streams);
    streams_remove_viewer(streams, connection);
    connection->owner = NULL;
    if (connection->sends_input && process->container->flags & STDIN_ONCE) streams_close_input(streams);
}

void container_attach(struct connection *connection, uint32_t id, struct reader payload)
{
    struct failure failure = {0};
    struct container *container = running(&payload, &failure);
    bool input = read_u32(&payload) != 0;
    if (container == NULL) {
        connection_error(connection, id, failure.code, failure.text);
        return connection_finish(connection);
    }
    connection->sends_input = input && container->flags & STDIN;
    connection->received = stream_received;
    connection->ended = attached_left;
    size_t frame = frame_begin(&connection->out, OK, id);
    write_u32(&connection->out, container->flags & TTY ? 1 : 0);
    frame_end(&connection->out, frame);
    streams_add_viewer(&container->init->streams, connection);
    connection_flush(connection);
}

void container_signal(struct connection *connection, uint32_t id, struct reader payload)
{
    struct container *container = container_find(read_text(&payload));
    int number = (int)read_u32(&payload);
    if (container != NULL && container->init != NULL && number == SIGKILL) cgroup_let_end(container->index);
    if (container != NULL && container->init != NULL && container->init->pidfd >= 0 && signal_fd(container->init->pidfd, number) < 0 && errno != ESRCH) {
        char text[80];
        snprintf(text, sizeof text, "sending signal %d: %s", number, strerror(errno));
        return connection_error(connection, id, FAILED, text);
    }
    connection_ok(connection, id);
}

/* v1's limit of memory with swap is never below that of memory alone: what is written first depends on whether they grow. */
static int limit(int index, const struct resources *resources, struct cgroup_files files, struct failure *failure)
{
    struct failure refused = {0};
    if (cgroup_limit(index, resources, &refused) == 0) return cgroup_write(index, files, failure);
    if (cgroup_write(index, files, failure) == 0) return cgroup_limit(index, resources, failure);
    *failure = refused;
    return -1;
}

static int resize(int index, const struct resources *resources, struct cgroup_files files, struct failure *failure)
{
    if (cgroup_leaves_room(index, resources, failure) < 0 || limit(index, resources, files, failure) < 0) return -1;
    bool stays = resources->cpu_request_millis == ABSENT && resources->cpu_limit_millis == ABSENT;
    return stays ? 0 : cgroup_limit_cpu(index, resources, failure);
}

void container_resize(struct connection *connection, uint32_t id, struct reader payload)
{
    struct failure failure = {0};
    const char *name = read_text(&payload);
    bool whole = *name == 0;
    struct container *container = whole ? NULL : container_find(name);
    struct resources resources = read_resources(&payload);
    struct cgroup_files files = read_files(&payload);
    if (payload.bad) fail(&failure, FAILED, "the resize request is malformed");
    else if (!whole && (container == NULL || container->state != RUNNING)) fail(&failure, NOT_FOUND, "container %s is not running", name);
    int index = container == NULL ? -1 : (int)container->index;
    if (failure.code == 0) resize(index, &resources, files, &failure);
    if (failure.code != 0) return connection_error(connection, id, failure.code, failure.text);
    connection_ok(connection, id);
}

static void answer_removed(struct container *container)
{
    struct connection *connection = container->remover;
    /* one that failed before it had a cgroup: the number would be another's, who would be killed with it */
    if (connection != NULL && !container->placed) connection_error(connection, container->remove_id, NOT_FOUND, "the container never had a cgroup");
    else if (connection != NULL) {
        size_t frame = frame_begin(&connection->out, OK, container->remove_id);
        write_u32(&connection->out, container->index);
        frame_end(&connection->out, frame);
        connection_flush(connection);
    }
    record_forget(pod.directory, container);
    forget(container);
}

void container_zygote_gone(struct container *container)
{
    container->zygote = NULL;
    if (container->state == REMOVING) answer_removed(container);
}

void container_remove(struct connection *connection, uint32_t id, struct reader payload)
{
    struct container *container = container_find(read_text(&payload));
    if (container == NULL) return connection_error(connection, id, NOT_FOUND, "no such container");
    if (container->state != EXITED) return connection_error(connection, id, FAILED, "the container has not ended");
    container->state = REMOVING;
    container->remover = connection;
    container->remove_id = id;
    if (container->zygote == NULL) answer_removed(container);
    else zygote_dismiss(container->zygote);
}

void launched(struct process *process)
{
    struct connection *connection = process->requester;
    if (process->is_exec) {
        if (connection == NULL) {
            signal_fd(process->pidfd, SIGKILL); /* the client left while it started */
            return;
        }
        streams_add_viewer(&process->streams, connection);
        streams_start(&process->streams);
        connection_ok(connection, process->request_id);
        return connection_resume(connection);
    }
    process->container->state = RUNNING;
    cgroup_die_together(process->container->index); /* now that its zygote, which dies with it, has answered */
    process->requester = NULL;
    if (connection == NULL) return;
    size_t frame = frame_begin(&connection->out, OK, process->request_id);
    write_u32(&connection->out, process->host_pid);
    write_u64(&connection->out, process->started_at);
    write_u32(&connection->out, process->container->index);
    frame_end(&connection->out, frame);
    connection_flush(connection);
}

void launch_failed(struct process *process)
{
    struct connection *connection = process->requester;
    if (!process->is_exec) {
        process->container->init = NULL;
        process->container->state = EXITED;
    }
    if (connection == NULL) return;
    process->requester = NULL;
    connection_error(connection, process->request_id, process->failure.code, process->failure.text);
    if (process->is_exec && connection->source.fd >= 0) {
        connection->ended = NULL;
        connection_finish(connection);
    }
}

static void dismiss_viewers(struct process *process, uint32_t code)
{
    for (struct connection *viewer = process->streams.viewers, *next; viewer != NULL; viewer = next) {
        next = viewer->next;
        viewer->ended = NULL;
        viewer->drained = NULL;
        viewer->owner = NULL;
        size_t frame = frame_begin(&viewer->out, STREAM_EXIT, 0);
        write_u32(&viewer->out, code);
        frame_end(&viewer->out, frame);
        connection_finish(viewer);
    }
    process->streams.viewers = NULL;
}

void write_exit(struct buffer *out, const struct container *container)
{
    write_text(out, container->id);
    write_u32(out, container->exit.code);
    write_u32(out, container->exit.signal);
    write_u32(out, container->exit.oom_killed);
    write_u64(out, container->exit.started_at);
    write_u64(out, container->exit.finished_at);
}

static void announce(const struct container *container)
{
    for (struct connection *control = pod.controls, *next; control != NULL; control = next) {
        next = control->next;
        if (!control->subscribed) continue;
        size_t frame = frame_begin(&control->out, POD_EXITED, 0);
        write_exit(&control->out, container);
        frame_end(&control->out, frame);
        connection_flush(control);
    }
}

void ended(struct process *process)
{
    int status = process->wait_status;
    uint32_t code = WIFSIGNALED(status) ? 128u + (uint32_t)WTERMSIG(status) : (uint32_t)WEXITSTATUS(status);
    process->requester = NULL;
    if (process->is_exec) return dismiss_viewers(process, code);
    struct container *container = process->container;
    struct failure failure = {0};
    container->init = NULL;
    container->state = EXITED;
    container->exit = (struct exit_record){code, WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0, code != 0 && cgroup_oom_kills(container->index) > 0, process->started_at, now_ms()};
    if (pod.reaper >= 0 || pod.flags & POD_HOST_PIDS || container->flags & JOINED_PIDS) cgroup_kill(container->index, container->zygote == NULL ? -1 : (int)container->zygote->pid);
    log_end(container->log);
    if (record_exit(pod.directory, container, &failure) < 0) fprintf(stderr, "coracle-pod: %s\n", failure.text);
    announce(container);
    dismiss_viewers(process, 0);
    failure.code = 0;
    /* the restart that may follow finds its zygote parked */
    if (zygotes_prepare(1, &failure) < 0) fprintf(stderr, "coracle-pod: %s\n", failure.text);
}
