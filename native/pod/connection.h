/* One accepted connection: frames in, frames out, neither end ever blocks the loop. */
#ifndef CORACLE_CONNECTION_H
#define CORACLE_CONNECTION_H

#include "../frame.h"
#include "loop.h"

#define BACKLOG_HIGH (256u << 10) /* above this, whoever feeds the connection pauses */

struct connection {
    struct source source;
    struct buffer in, out;
    bool stalled;   /* not reading: what was received can't be passed on yet */
    bool finishing; /* closes when everything is sent */
    bool subscribed, sends_input;
    void (*received)(struct connection *, const struct frame *);
    void (*drained)(struct connection *); /* the backlog is gone; may be NULL */
    void (*ended)(struct connection *);   /* the peer left, or finishing is done; may be NULL */
    void *owner;
    struct connection *next; /* among the viewers of one process, or all control connections */
};

/* Sends what frame_begin/frame_end put into `out`. */
void connection_flush(struct connection *);
struct connection *connection_accept(int fd, void (*received)(struct connection *, const struct frame *));
void connection_send(struct connection *, uint32_t type, const void *payload, size_t size);
void connection_ok(struct connection *, uint32_t id);
void connection_error(struct connection *, uint32_t id, uint32_t code, const char *message);
void connection_finish(struct connection *);
void connection_resume(struct connection *);
/* Closes at once, without `ended`. */
void connection_close(struct connection *);

#endif
