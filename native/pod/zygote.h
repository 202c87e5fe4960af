/* Processes parked in a container's cgroup before it is needed: attaching takes 7-14 ms after a quiet time, a fork from a
 * process that is already there 0.2 ms. A zygote serves one container: its first process, then every exec. */
#ifndef CORACLE_ZYGOTE_H
#define CORACLE_ZYGOTE_H

#include <stdint.h>
#include <sys/types.h>

enum zygote_operation { ZYGOTE_START = 1, ZYGOTE_EXEC = 2 };

/* One packet; descriptors ride along in the order of zygote_fd. */
struct zygote_request {
    uint32_t operation, cookie, flags, size; /* size of the memfd's frame */
};
/* OWN: the container gets a pid namespace; SHARED, JOINED: it joins the one of FD_PIDS, the pod's or another container's; none: the host's. */
enum zygote_flags { ZYGOTE_OWN_PIDS = 1, ZYGOTE_TTY = 2, ZYGOTE_SHARED_PIDS = 4, ZYGOTE_JOINED_PIDS = 8 };
enum zygote_fd {
    FD_FRAME,     /* memfd: container spec, or exec's arguments */
    FD_STATUS,    /* what is reported until the new process is ready */
    FD_FAULT,     /* a pipe: a struct status if exec fails, then its end */
    FD_IN,        /* standard streams; with a terminal /dev/null */
    FD_OUT,
    FD_ERR,
    FD_PIDS,      /* exec: the container's first process; start: whose pid namespace is joined, else /dev/null */
    FD_DIRECTORY, /* start: the container's directory on the host, else /dev/null */
    FD_SANDBOX,   /* start: the pod's directory on the host, else /dev/null */
    FD_USERS,     /* start: the pod's user namespace, where it has one, else /dev/null */
    FD_COUNT,
};
struct zygote_reply {
    uint32_t cookie;
    int32_t pid, error; /* pid -1: there is no process; error: errno of clone3, or 0 if the reason is on FD_STATUS */
    int32_t preparer;   /* ended, and to be reaped; 0: there was none */
};

/* What is said on FD_STATUS before exec(2), and STATUS_FAILED on FD_FAULT. */
enum status_kind { STATUS_TERMINAL = 1 /* the terminal's master rides along */, STATUS_READY = 2, STATUS_FAILED = 3 };
struct status {
    uint32_t kind, code;
    char text[1000];
};

/* The zygote's whole life; never returns. `index`: its cgroup. */
void zygote_run(int socket, unsigned index) __attribute__((noreturn));

/* The packets above over SOCK_SEQPACKET. -1: the other end is gone, errno says why; receiving, unused descriptors are -1. */
int send_packet(int socket, const void *bytes, size_t size, const int *fds, unsigned count);
ssize_t receive_packet(int socket, void *bytes, size_t size, int *fds, unsigned count, int flags);

#endif
