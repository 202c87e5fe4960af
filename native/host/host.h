/* What main.c dispatches. Every request reads its payload from the reader and, on success, appends its answer's payload. */
#ifndef CORACLE_HOST_H
#define CORACLE_HOST_H

#include <sys/types.h>

#include "../frame.h"

/* spawn.c: starts a supervisor. `ready`: becomes readable when it says "ready", or why it could not; -1 on failure. */
struct spawned {
    pid_t pid;
    uint64_t start_ticks;
    int ready;
};
int spawn_prepare(const char *pod_binary, struct failure *);
int spawn(struct reader *, struct spawned *, struct failure *);

/* cgroup.c */
/* With all above it; on v2 they hand down `controllers` ("cpu,memory"). Being there is fine. */
int cgroup_make(const char *cgroup, const char *controllers, bool v2, struct failure *);
/* A request: makes cgroups and writes their files. */
int cgroups_arrange(struct reader *, struct failure *);

/* users.c: the user namespace of one pod, with network, IPC and UTS namespaces of its own. */
#define POD_USERS 65536u
enum { USERS_SPACE, USERS_NETWORK, USERS_IPC, USERS_UTS, USERS_COUNT };
struct pod_users {
    pid_t holder;           /* a process in all of them; 0: the pod has the host's users */
    int spaces[USERS_COUNT];
};
/* Ids 0 to POD_USERS - 1 inside are those from `first_id` on outside. `others`: flags of clone for the namespaces that belong to it;
 * else they are the host's. Also after a failure users_release is due. */
int users_make(struct pod_users *, uint32_t first_id, uint64_t others, struct failure *);
/* Whether what is at `path`, and memory, can be shown in such a namespace: no pod can do without. */
int users_can_see(const struct pod_users *, const char *path, struct failure *);
/* In the new supervisor: enters all but the user namespace, as it stays root of the host. -1 with errno. */
int users_join(const struct pod_users *);
void users_release(struct pod_users *);
/* A request: whether a pod with a user namespace can be shown what is at a path. */
int users_check(struct reader *, struct failure *);

/* network.c */
struct pod_link {
    const char *veth, *bridge;
    uint32_t address, prefix, gateway; /* IPv4, host order */
};
int network_attach(pid_t pid, const struct pod_link *, struct failure *);
int network_configure(struct reader *, struct failure *);
int network_delete(const char *prefix, struct failure *);

/* nftables.c: one table per instance, replaced as a whole in one transaction. */
struct network_range {
    uint32_t net, prefix;
};
int masquerade_set(const char *table, struct network_range pods, struct network_range cluster, struct failure *);
int masquerade_delete(const char *table, struct failure *);

/* unpack.c */
int unpack(struct reader *, struct failure *);

/* pack.c */
int pack(struct reader *, struct failure *);

/* opaque.c */
int opaque(struct reader *, struct failure *);

/* tree.c: removes a directory and all below it, however deep; not there is fine. */
int remove_tree(const char *path, struct failure *);
int remove_below(int directory, const char *name, struct failure *);
/* Detaches every mount at or below `path`. */
int unmount_below(const char *path, struct failure *);

/* memory.c */
int memory_mount(struct reader *, struct failure *);

/* quota.c */
int quota_check(struct reader *, struct failure *);
int quota_limit(struct reader *, struct failure *);

/* destroy.c */
int destroy(struct reader *, struct failure *);
int teardown(struct reader *, struct failure *);
bool is_ours(const char *cgroup);
/* Writes a cgroup's file, if it can. */
void cgroup_put(const char *cgroup, const char *file, const char *value);
/* Start time of a process in clock ticks since boot, or 0 when there is none. */
uint64_t start_ticks(pid_t pid);

#endif
