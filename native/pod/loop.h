/* One epoll loop. A source belongs to the object that embeds it; whoever frees such an object defers it, because the batch
 * of events being worked on may still name it. */
#ifndef CORACLE_LOOP_H
#define CORACLE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct source {
    int fd; /* -1: not watched */
    uint32_t events;
    void (*ready)(struct source *, uint32_t events);
};

/* Takes the descriptor; it is closed by loop_remove. */
void loop_add(struct source *, int fd, uint32_t events, void (*ready)(struct source *, uint32_t));
void loop_change(struct source *, uint32_t events);
void loop_remove(struct source *);
/* Runs `act` when the current batch is done. */
void loop_defer(void (*act)(void *), void *subject);
void loop_run(void) __attribute__((noreturn));
void loop_create(void);

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

#endif
