/* Port-forward: a TCP connection from inside the pod's network to its own loopback, copied byte for byte both ways. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../protocol.h"
#include "process.h"

#define CHUNK 32768u

/* One direction's reading end, with what the other end has not taken yet. */
struct end {
    struct source source;
    struct buffer pending; /* to be written to this end */
    bool read_done, write_closed;
    struct dialled *dialled;
};
struct dialled {
    struct end ends[2];
    struct connection *waiting; /* until connected */
    uint32_t id;
};

static void release(void *subject)
{
    struct dialled *dialled = subject;
    for (int i = 0; i < 2; i++) buffer_free(&dialled->ends[i].pending);
    free(dialled);
}

static void hang_up(struct dialled *dialled)
{
    for (int i = 0; i < 2; i++) loop_remove(&dialled->ends[i].source);
    loop_defer(release, dialled);
}

static void pace(struct dialled *dialled)
{
    for (int i = 0; i < 2; i++) {
        struct end *end = &dialled->ends[i], *other = &dialled->ends[1 - i];
        bool reads = !end->read_done && other->pending.size < CHUNK;
        loop_change(&end->source, (reads ? EPOLLIN : 0) | (end->pending.size > 0 ? EPOLLOUT : 0));
    }
}

/* False: the connection is broken. */
static bool push(struct end *end, bool no_more)
{
    size_t sent = 0;
    if (end->source.fd < 0) return true;
    while (sent < end->pending.size) {
        ssize_t count = send(end->source.fd, end->pending.data + sent, end->pending.size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN) break;
        if (count < 0 && errno != EINTR) return false;
        if (count > 0) sent += (size_t)count;
    }
    buffer_drop(&end->pending, sent);
    if (no_more && end->pending.size == 0 && !end->write_closed) {
        shutdown(end->source.fd, SHUT_WR);
        end->write_closed = true;
    }
    return true;
}

static void copy(struct source *source, uint32_t events)
{
    struct end *end = container_of(source, struct end, source);
    struct dialled *dialled = end->dialled;
    struct end *other = end == &dialled->ends[0] ? &dialled->ends[1] : &dialled->ends[0];
    static uint8_t bytes[CHUNK];
    if (events & EPOLLERR) return hang_up(dialled);
    if (events & (EPOLLIN | EPOLLHUP) && !end->read_done) {
        ssize_t count = recv(source->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (count < 0 && errno != EAGAIN && errno != EINTR) return hang_up(dialled);
        if (count == 0) end->read_done = true;
        if (count > 0 && other->source.fd >= 0) buffer_append(&other->pending, bytes, (size_t)count);
    } else if (events & EPOLLHUP) {
        /* closed both ways, and epoll would say so for ever; what it sent may still be on its way to the other */
        loop_remove(&end->source);
        buffer_free(&end->pending);
        end->write_closed = true;
    }
    if (!push(other, end->read_done) || !push(end, other->read_done)) return hang_up(dialled);
    if (end->write_closed && other->write_closed) return hang_up(dialled);
    pace(dialled);
}

static void connected(struct source *source, uint32_t events)
{
    struct end *end = container_of(source, struct end, source);
    struct dialled *dialled = end->dialled;
    struct connection *connection = dialled->waiting;
    int reason = 0;
    socklen_t size = sizeof reason;
    (void)events;
    getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &reason, &size);
    connection->owner = NULL;
    connection->ended = NULL;
    int client = reason != 0 ? -1 : fcntl(connection->source.fd, F_DUPFD_CLOEXEC, 0);
    if (client < 0) {
        char text[128];
        snprintf(text, sizeof text, "connecting to the port inside the pod: %s", strerror(reason != 0 ? reason : errno));
        connection_error(connection, dialled->id, UNAVAILABLE, text);
        connection_finish(connection);
        return hang_up(dialled);
    }
    connection_ok(connection, dialled->id); /* twelve bytes into an empty socket: sent at once */
    connection_close(connection);
    source->ready = copy;
    loop_add(&dialled->ends[0].source, client, EPOLLIN, copy);
    pace(dialled);
}

static void client_left(struct connection *connection)
{
    if (connection->owner != NULL) hang_up(connection->owner);
}

void dial(struct connection *connection, uint32_t id, struct reader payload)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)read_u32(&payload)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)) {
        char text[128];
        snprintf(text, sizeof text, "connecting to the port inside the pod: %s", strerror(errno));
        if (fd >= 0) close(fd);
        connection_error(connection, id, UNAVAILABLE, text);
        return connection_finish(connection);
    }
    struct dialled *dialled = must_alloc(sizeof *dialled);
    *dialled = (struct dialled){.waiting = connection, .id = id};
    dialled->ends[0] = (struct end){.source.fd = -1, .dialled = dialled};
    dialled->ends[1] = (struct end){.source.fd = -1, .dialled = dialled};
    connection->owner = dialled;
    connection->ended = client_left;
    connection->stalled = true;
    loop_add(&dialled->ends[1].source, fd, EPOLLOUT, connected);
}
