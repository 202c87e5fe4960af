#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../frame.h"

static int epoll_fd = -1;
static struct deferred {
    void (*act)(void *);
    void *subject;
    struct deferred *next;
} *deferred;

static void give_up(const char *doing)
{
    perror(doing);
    abort();
}

void loop_create(void)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) give_up("coracle-pod: epoll_create1");
}

void loop_add(struct source *source, int fd, uint32_t events, void (*ready)(struct source *, uint32_t))
{
    *source = (struct source){fd, events, ready};
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) give_up("coracle-pod: epoll_ctl add");
}

void loop_change(struct source *source, uint32_t events)
{
    if (source->fd < 0 || source->events == events) return;
    source->events = events;
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0) give_up("coracle-pod: epoll_ctl modify");
}

void loop_remove(struct source *source)
{
    if (source->fd < 0) return;
    /* explicitly: a forked zygote may hold the same open file for a moment, and epoll would go on reporting it */
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    close(source->fd);
    source->fd = -1;
}

void loop_defer(void (*act)(void *), void *subject)
{
    struct deferred *entry = must_alloc(sizeof *entry);
    *entry = (struct deferred){act, subject, deferred};
    deferred = entry;
}

void loop_run(void)
{
    struct epoll_event events[32];
    for (;;) {
        int count = epoll_wait(epoll_fd, events, 32, -1);
        if (count < 0 && errno != EINTR) give_up("coracle-pod: epoll_wait");
        for (int i = 0; i < count; i++) {
            struct source *source = events[i].data.ptr;
            if (source->fd >= 0) source->ready(source, events[i].events);
        }
        while (deferred != NULL) {
            struct deferred *entry = deferred;
            deferred = entry->next;
            entry->act(entry->subject);
            free(entry);
        }
    }
}
