#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../protocol.h"
#include "cgroup.h"
#include "process.h"
#include "zygote.h"

static unsigned next_index;

static void release(void *zygote)
{
    free(zygote);
}

static void reply_ready(struct source *source, uint32_t events)
{
    struct zygote *zygote = container_of(source, struct zygote, source);
    struct zygote_reply reply;
    (void)events;
    ssize_t size = receive_packet(source->fd, &reply, sizeof reply, NULL, 0, MSG_DONTWAIT);
    if (size == (ssize_t)sizeof reply) return process_replied(reply.cookie, reply.pid, reply.preparer, reply.error);
    if (size < 0 && errno == EAGAIN) return;
    loop_remove(source);
    processes_abandon(zygote);
}

static struct zygote *spawn(struct failure *failure)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        fail_errno(failure, FAILED, "making a zygote's socket");
        return NULL;
    }
    unsigned index = next_index++;
    pid_t pid = cgroup_make(index, failure) < 0 ? -1 : fork();
    if (pid == 0) zygote_run(ends[1], index);
    close(ends[1]);
    if (pid < 0) {
        if (failure->code == 0) fail_errno(failure, FAILED, "forking a zygote");
        close(ends[0]);
        return NULL;
    }
    struct zygote *zygote = must_alloc(sizeof *zygote);
    zygote->pid = pid;
    zygote->index = index;
    loop_add(&zygote->source, ends[0], EPOLLIN, reply_ready);
    zygote->next = pod.zygotes;
    pod.zygotes = zygote;
    return zygote;
}

int zygotes_prepare(unsigned count, struct failure *failure)
{
    for (const struct zygote *zygote = pod.zygotes; zygote != NULL; zygote = zygote->next) {
        if (zygote->container == NULL && zygote->source.fd >= 0 && count > 0) count--;
    }
    for (; count > 0; count--) {
        if (spawn(failure) == NULL) return -1;
    }
    return 0;
}

struct zygote *zygote_take(struct container *container, struct failure *failure)
{
    struct zygote *oldest = NULL; /* the list is newest first, and the oldest is surely parked */
    for (struct zygote *zygote = pod.zygotes; zygote != NULL; zygote = zygote->next) {
        if (zygote->container == NULL && zygote->source.fd >= 0) oldest = zygote;
    }
    if (oldest == NULL) oldest = spawn(failure); /* late: it reads its request once it is in its cgroup */
    if (oldest != NULL) oldest->container = container;
    return oldest;
}

void zygote_dismiss(struct zygote *zygote)
{
    loop_remove(&zygote->source); /* end of file is its order to end */
}

bool zygote_reaped(pid_t pid)
{
    for (struct zygote **at = &pod.zygotes; *at != NULL; at = &(*at)->next) {
        struct zygote *zygote = *at;
        if (zygote->pid != pid) continue;
        *at = zygote->next;
        loop_remove(&zygote->source);
        processes_abandon(zygote);
        if (zygote->container != NULL) container_zygote_gone(zygote->container);
        loop_defer(release, zygote);
        return true;
    }
    return false;
}
