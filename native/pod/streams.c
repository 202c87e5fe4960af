#define _GNU_SOURCE
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../protocol.h"

static int make_pipe(int *ours, int *given, bool write_end)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    *ours = ends[write_end ? 1 : 0];
    *given = ends[write_end ? 0 : 1];
    return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

int streams_open(struct streams *streams, bool terminal, bool input, int given[3], struct failure *failure)
{
    streams->terminal = terminal;
    streams->input.fd = -1;
    for (int i = 0; i < 2; i++) streams->out[i] = (struct output){{.fd = -1}, i, streams};
    if (!input || terminal) given[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    else if (make_pipe(&streams->input.fd, &given[0], true) < 0) return fail_errno(failure, FAILED, "making a pipe");
    for (int i = 0; i < 2; i++) {
        if (terminal) given[1 + i] = open("/dev/null", O_WRONLY | O_CLOEXEC);
        else if (make_pipe(&streams->out[i].source.fd, &given[1 + i], false) < 0) return fail_errno(failure, FAILED, "making a pipe");
    }
    return given[0] < 0 || given[1] < 0 || given[2] < 0 ? fail_errno(failure, FAILED, "opening /dev/null") : 0;
}

static bool backed_up(const struct streams *streams)
{
    for (const struct connection *viewer = streams->viewers; viewer != NULL; viewer = viewer->next) {
        if (viewer->out.size > BACKLOG_HIGH) return true;
    }
    return false;
}

static void pace(struct streams *streams)
{
    uint32_t events = backed_up(streams) ? 0 : EPOLLIN;
    for (int i = 0; i < 2; i++) loop_change(&streams->out[i].source, events);
}

/* False: nothing more for now, or for ever. */
static bool pass_on(struct output *output)
{
    static uint8_t bytes[32768];
    struct streams *streams = output->streams;
    ssize_t count = read(output->source.fd, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) return true;
    if (count < 0 && errno == EAGAIN) return false;
    if (count <= 0) { /* a terminal without a process says EIO */
        loop_remove(&output->source);
        return false;
    }
    if (streams->log != NULL) log_write(streams->log, output->stream, bytes, (size_t)count);
    for (struct connection *viewer = streams->viewers, *next; viewer != NULL; viewer = next) {
        next = viewer->next;
        connection_send(viewer, output->stream == STREAM_OUT ? STREAM_STDOUT : STREAM_STDERR, bytes, (size_t)count);
    }
    return true;
}

static void output_ready(struct source *source, uint32_t events)
{
    struct output *output = container_of(source, struct output, source);
    if (!(events & EPOLLIN) && backed_up(output->streams)) {
        /* hung up while paused: epoll would say so for ever, and a pipe's worth is all there is */
        while (pass_on(output)) {}
        return;
    }
    if (pass_on(output)) pace(output->streams);
}

static void send_input(struct streams *streams)
{
    size_t sent = 0;
    while (streams->input.fd >= 0 && sent < streams->pending.size) {
        ssize_t count = write(streams->input.fd, streams->pending.data + sent, streams->pending.size - sent);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) break;
        if (count < 0) { /* nobody reads it any more */
            loop_remove(&streams->input);
            sent = streams->pending.size;
            break;
        }
        sent += (size_t)count;
    }
    buffer_drop(&streams->pending, streams->input.fd < 0 ? streams->pending.size : sent);
    loop_change(&streams->input, streams->pending.size > 0 ? EPOLLOUT : 0);
    if (streams->pending.size == 0 && streams->close_input && !streams->terminal) loop_remove(&streams->input);
}

static void input_ready(struct source *source, uint32_t events)
{
    struct streams *streams = container_of(source, struct streams, input);
    if (events & EPOLLERR) {
        loop_remove(source);
        buffer_free(&streams->pending);
    } else {
        send_input(streams);
    }
    for (struct connection *viewer = streams->viewers, *next; streams->pending.size == 0 && viewer != NULL; viewer = next) {
        next = viewer->next;
        connection_resume(viewer);
    }
}

void streams_start(struct streams *streams)
{
    streams->started = true;
    for (int i = 0; i < 2; i++) {
        if (streams->out[i].source.fd >= 0) loop_add(&streams->out[i].source, streams->out[i].source.fd, EPOLLIN, output_ready);
    }
    if (streams->input.fd >= 0) loop_add(&streams->input, streams->input.fd, 0, input_ready);
}

void streams_set_terminal(struct streams *streams, int master)
{
    fcntl(master, F_SETFL, O_NONBLOCK);
    streams->out[0].source.fd = master;
    streams->input.fd = fcntl(master, F_DUPFD_CLOEXEC, 0);
    if (streams->started) streams_start(streams);
}

static void viewer_drained(struct connection *connection)
{
    pace(connection->owner);
}

void streams_add_viewer(struct streams *streams, struct connection *connection)
{
    connection->owner = streams;
    connection->drained = viewer_drained;
    connection->next = streams->viewers;
    streams->viewers = connection;
}

void streams_remove_viewer(struct streams *streams, struct connection *connection)
{
    for (struct connection **at = &streams->viewers; *at != NULL; at = &(*at)->next) {
        if (*at != connection) continue;
        *at = connection->next;
        break;
    }
    pace(streams);
}

void streams_close_input(struct streams *streams)
{
    streams->close_input = true;
    if (streams->pending.size == 0 && !streams->terminal) loop_remove(&streams->input);
}

static void resize(struct streams *streams, struct reader payload)
{
    uint32_t columns = read_u32(&payload), rows = read_u32(&payload);
    struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
    if (!payload.bad && streams->terminal && streams->input.fd >= 0) ioctl(streams->input.fd, TIOCSWINSZ, &size);
}

void streams_received(struct streams *streams, struct connection *connection, const struct frame *frame)
{
    if (frame->type == STREAM_RESIZE) return resize(streams, frame->payload);
    if (!connection->sends_input) return;
    if (frame->type == STREAM_STDIN_CLOSE) return streams_close_input(streams);
    if (frame->type != STREAM_STDIN || streams->input.fd < 0) return;
    buffer_append(&streams->pending, frame->payload.at, (size_t)(frame->payload.end - frame->payload.at));
    send_input(streams);
    connection->stalled = streams->pending.size > 0; /* until input_ready has written it */
}

void streams_drain(struct streams *streams)
{
    for (int i = 0; i < 2; i++) {
        /* bounded: a process that outlives an exec may hold the pipe and go on writing */
        for (int round = 0; round < 64 && streams->out[i].source.fd >= 0 && pass_on(&streams->out[i]); round++) {}
    }
}

void streams_close(struct streams *streams)
{
    for (int i = 0; i < 2; i++) loop_remove(&streams->out[i].source);
    loop_remove(&streams->input);
    buffer_free(&streams->pending);
}
