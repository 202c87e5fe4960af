/* A container as the agent describes it: ContainerSpec of node-agent/runtime/runtime.ts. Texts point into the frame. */
#ifndef CORACLE_SPEC_H
#define CORACLE_SPEC_H

#include "../frame.h"

enum container_flags {
    READ_ONLY_ROOT = 1,
    TTY = 2,
    STDIN = 4,
    STDIN_ONCE = 8,
    PRIVILEGED = 16,
    NO_NEW_PRIVILEGES = 32,
    /* set by coracle-pod itself, from its own start */
    HOST_IPC = 64,
    SHARED_PIDS = 128,
    JOINED_PIDS = 256,
};

enum mount_type { MOUNT_BIND = 0, MOUNT_TMPFS = 1, MOUNT_IMAGE = 2 };
enum mount_propagation { PROPAGATE_PRIVATE = 0, PROPAGATE_SLAVE = 1, PROPAGATE_SHARED = 2 };

struct mount {
    uint32_t type, read_only, propagation;
    bool read_only_below; /* what is mounted below it is read-only too */
    uint64_t size; /* ABSENT: unbounded */
    const char *source, *sub_path, *target; /* sub_path: the part of a bind's source or of an image, "" is all of it */
    const char **layers; /* of an image, the lowest first */
    uint32_t layer_count;
};

/* ABSENT: no limit. */
struct resources {
    uint64_t cpu_request_millis, cpu_limit_millis, memory_bytes, pids;
};

/* What further files of a cgroup are to say: `files` of protocol.h, checked, inside the frame. */
struct cgroup_files {
    struct reader reader;
    uint32_t count;
};

struct spec {
    const char *id;
    const char **layers, **args, **env, **masked, **read_only;
    uint32_t layer_count, flags;
    const char *working_dir;
    struct mount *mounts;
    uint32_t mount_count;
    uint32_t uid, gid, *groups, group_count;
    uint64_t capabilities;
    const void *seccomp; /* struct sock_filter[] */
    uint32_t seccomp_size;
    int32_t oom_score_adj;
    struct resources resources;
    struct cgroup_files files;
    const char *log_path;
    uint64_t log_max_bytes;
    uint32_t log_max_files;
    uint32_t project; /* of the writable layer, for the file system's quota; 0: none */
    const char *joins; /* the container in whose pid namespace it is; "": as the pod says */
    /* of a runtime handler: the command that runs an OCI runtime, and its configuration (runtime.h); both empty: it is ours to run */
    const char **runtime, **config;
    /* set by coracle-pod itself: the host's id of the pod's root; 0: the pod has the host's users */
    uint32_t first_id;
};

/* False: the frame is not a container's spec. Arrays are malloc'ed; spec_free frees them. */
bool spec_parse(struct reader *, struct spec *);
void spec_free(struct spec *);
struct resources read_resources(struct reader *);
/* At a frame's end; none where an older agent's ends before. */
struct cgroup_files read_files(struct reader *);

#endif
