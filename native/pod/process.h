/* What runs in the pod: containers, the processes started in them, and the zygotes that start them. */
#ifndef CORACLE_PROCESS_H
#define CORACLE_PROCESS_H

#include <sys/types.h>

#include "spec.h"
#include "streams.h"

struct zygote {
    struct source source;
    pid_t pid;
    unsigned index; /* of its cgroup */
    struct container *container;
    struct zygote *next;
};

struct process {
    uint32_t cookie, host_pid;
    pid_t pid;
    int pidfd;
    struct source status, fault;
    bool ready, status_ended, fault_ended, settled, reaped;
    int wait_status;
    struct failure failure;
    struct streams streams;
    struct container *container;
    bool is_exec;
    uint64_t started_at;
    /* who asked: the control connection of a start, the exec's own connection */
    struct connection *requester;
    uint32_t request_id;
    struct process *next;
};

enum container_state { STARTING, RUNNING, EXITED, REMOVING };

struct exit_record {
    uint32_t code, signal, oom_killed;
    uint64_t started_at, finished_at;
};

struct container {
    char id[72];
    enum container_state state;
    uint32_t flags;
    struct zygote *zygote;
    unsigned index; /* of its cgroup, once it is placed */
    bool placed;
    struct resources resources;
    struct process *init;
    struct log *log;
    struct exit_record exit;
    struct connection *remover;
    uint32_t remove_id;
    const struct container *joins; /* while it starts: into whose pid namespace (JOINED_PIDS) */
    struct container *next;
};

/* What coracle-host started this supervisor with. */
enum pod_flags { POD_HOST_NETWORK = 1, POD_HOST_PIDS = 2, POD_HOST_IPC = 4 };
struct pod {
    char key[64];
    uint32_t flags;
    int directory;  /* the sandbox's, on the host */
    int users;      /* its user namespace, or -1: it has the host's */
    uint32_t first_id; /* the host's id of that namespace's root */
    const char **masked, **read_only; /* what is hidden and protected in most containers: theirs is made beforehand */
    int reaper;     /* pidfd of the shared pid namespace's first process, or -1 */
    pid_t reaper_pid;
    struct container *containers;
    struct process *processes;
    struct zygote *zygotes;
    struct connection *controls;
};
extern struct pod pod;

uint64_t now_ms(void);
struct container *container_find(const char *id);

/* zygotes.c */
int zygotes_prepare(unsigned count, struct failure *);
struct zygote *zygote_take(struct container *, struct failure *);
void zygote_dismiss(struct zygote *);
bool zygote_reaped(pid_t pid);

/* process.c */
struct process *process_launch(struct container *, bool is_exec, const void *frame, size_t size, bool terminal, bool input, struct failure *);
void processes_reap(void);
void process_replied(uint32_t cookie, pid_t pid, pid_t preparer, int error);
void processes_abandon(const struct zygote *);
/* What /proc knows it by; 0: it doesn't. On the host's /proc, the pid that the machine knows. */
pid_t process_pid(int pidfd);

/* container.c: what process.c reports */
void container_start(struct connection *, uint32_t id, struct reader);
void container_exec(struct connection *, uint32_t id, struct reader);
void container_attach(struct connection *, uint32_t id, struct reader);
void container_resize(struct connection *, uint32_t id, struct reader);
void container_signal(struct connection *, uint32_t id, struct reader);
void container_remove(struct connection *, uint32_t id, struct reader);
void container_zygote_gone(struct container *);
void launched(struct process *);
void launch_failed(struct process *);
void ended(struct process *);
void write_exit(struct buffer *, const struct container *);

/* record.c: on disk before anybody is told */
int record_exit(int directory, const struct container *, struct failure *);
void record_forget(int directory, const struct container *);
/* configure.c */
void pod_configure(struct connection *, uint32_t id, struct reader);
int pod_prepare(struct failure *);
/* reaper.c: starts the first process of a shared pid namespace; returns its pid and pidfd */
pid_t reaper_start(int directory, int *pidfd, struct failure *);
/* dial.c: takes the connection over */
void dial(struct connection *, uint32_t id, struct reader);

#endif
