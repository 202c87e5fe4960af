/* The supervisor's ends of one process's standard streams or terminal, and who is looking at them. */
#ifndef CORACLE_STREAMS_H
#define CORACLE_STREAMS_H

#include "connection.h"
#include "log.h"

struct output {
    struct source source;
    int stream;
    struct streams *streams;
};

struct streams {
    struct output out[2];
    struct source input; /* pipe's write end, or a descriptor of the terminal */
    struct buffer pending;
    bool terminal, close_input, started;
    struct log *log;            /* a container's; NULL for exec */
    struct connection *viewers; /* attached; exec has one */
};

/* Makes pipes (or nothing, with a terminal); `given` gets the process's ends for standard input, output, error. */
int streams_open(struct streams *, bool terminal, bool input, int given[3], struct failure *);
/* From here on what the process writes is read: somebody must be there to have it. */
void streams_start(struct streams *);
void streams_set_terminal(struct streams *, int master);
void streams_add_viewer(struct streams *, struct connection *);
void streams_remove_viewer(struct streams *, struct connection *);
/* STREAM_STDIN, STREAM_STDIN_CLOSE, STREAM_RESIZE of one viewer. */
void streams_received(struct streams *, struct connection *, const struct frame *);
void streams_close_input(struct streams *);
/* Passes on what the process left behind, without waiting for more. */
void streams_drain(struct streams *);
void streams_close(struct streams *);

#endif
