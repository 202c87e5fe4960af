#define _GNU_SOURCE
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../protocol.h"

static void release(void *subject)
{
    struct connection *connection = subject;
    buffer_free(&connection->in);
    buffer_free(&connection->out);
    free(connection);
}

void connection_close(struct connection *connection)
{
    if (connection->source.fd < 0) return;
    loop_remove(&connection->source);
    loop_defer(release, connection);
}

static void end(struct connection *connection)
{
    if (connection->source.fd < 0) return;
    if (connection->ended != NULL) connection->ended(connection);
    connection_close(connection);
}

static void watch(struct connection *connection)
{
    loop_change(&connection->source, (connection->stalled || connection->finishing ? EPOLLRDHUP : EPOLLIN) | (connection->out.size > 0 ? EPOLLOUT : 0));
}

void connection_flush(struct connection *connection)
{
    if (connection->source.fd < 0) return;
    size_t sent = 0;
    while (sent < connection->out.size) {
        ssize_t count = send(connection->source.fd, connection->out.data + sent, connection->out.size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno != EAGAIN) return end(connection);
        if (count < 0) break;
        sent += (size_t)count;
    }
    buffer_drop(&connection->out, sent);
    if (connection->out.size == 0 && connection->finishing) return end(connection);
    watch(connection);
    if (connection->out.size == 0 && sent > 0 && connection->drained != NULL) connection->drained(connection);
}

static void parse(struct connection *connection)
{
    size_t used = 0;
    struct frame frame;
    enum frame_result result = FRAME_NONE;
    while (connection->source.fd >= 0 && !connection->stalled && !connection->finishing) {
        result = frame_parse(connection->in.data + used, connection->in.size - used, &frame);
        if (result != FRAME_COMPLETE) break;
        used += frame.size;
        connection->received(connection, &frame);
    }
    if (connection->source.fd < 0) return;
    if (result == FRAME_BROKEN) return end(connection);
    buffer_drop(&connection->in, used);
    watch(connection);
}

static void ready(struct source *source, uint32_t events)
{
    struct connection *connection = container_of(source, struct connection, source);
    uint8_t bytes[16384];
    if (events & EPOLLOUT) connection_flush(connection);
    if (source->fd >= 0 && events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP) && !(events & EPOLLIN)) return end(connection);
    if (source->fd < 0 || !(events & EPOLLIN)) return;
    ssize_t count = recv(source->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return end(connection);
    buffer_append(&connection->in, bytes, (size_t)count);
    parse(connection);
}

struct connection *connection_accept(int fd, void (*received)(struct connection *, const struct frame *))
{
    struct connection *connection = must_alloc(sizeof *connection);
    connection->received = received;
    loop_add(&connection->source, fd, EPOLLIN, ready);
    return connection;
}

void connection_send(struct connection *connection, uint32_t type, const void *payload, size_t size)
{
    size_t frame = frame_begin(&connection->out, type, 0);
    buffer_append(&connection->out, payload, size);
    frame_end(&connection->out, frame);
    connection_flush(connection);
}

void connection_ok(struct connection *connection, uint32_t id)
{
    size_t frame = frame_begin(&connection->out, OK, id);
    frame_end(&connection->out, frame);
    connection_flush(connection);
}

void connection_error(struct connection *connection, uint32_t id, uint32_t code, const char *message)
{
    frame_error(&connection->out, id, code, message);
    connection_flush(connection);
}

void connection_finish(struct connection *connection)
{
    connection->finishing = true;
    connection_flush(connection);
}

void connection_resume(struct connection *connection)
{
    if (connection->source.fd < 0 || !connection->stalled) return;
    connection->stalled = false;
    parse(connection);
}
