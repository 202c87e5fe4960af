/*
 * The frames that the agent speaks with coracle-host (its child, over standard input and output) and coracle-pod (one per
 * pod, over <sandbox>/pod.sock). `host.ts` and `pod.ts` hold the other half; change both together.
 *
 *   frame    u32 length of the rest | u32 type | u32 id | payload          everything little-endian
 *   text     u32 length | bytes | NUL (not counted; no other NUL inside)
 *   blob     the same, any bytes inside
 *   list     u32 count | items
 *   absent numbers are all ones
 *
 * A supervisor outlives the agent that started it, so versions meet; docs/decisions/0011 has the rules. In short: payloads only
 * grow at their end, readers ignore what follows the fields that they know, numbers are never used twice, and POD_HELLO,
 * POD_SIGNAL and this form of frames stay as they are, so that any agent can look at any supervisor and end what it runs.
 *
 *   version  since then
 *   1        everything below that says nothing else; the hello is empty, and its answer ends with the exits
 *   2        hellos carry versions, HOST_HELLO
 *   3        POD_RESIZE, HOST_USERS, HOST_PACK, HOST_OPAQUE; HOST_SPAWN ends with the pod's first user id, POD_START with whose processes the container joins
 *   4        POD_START ends with the layers of each mount of an image
 *   5        HOST_CGROUPS; HOST_SPAWN ends with the paths that most containers have masked, and read-only
 *   6        POD_CONFIGURE, POD_START and POD_RESIZE end with files of the cgroup; what POD_RESIZE says nothing of stays, shares too
 *   7        HOST_MEMORY ends with the size of pages
 *   8        POD_START ends with the command of an OCI runtime, and with its configuration in parts that the name of the container's cgroup joins
 *   9        HOST_QUOTA, HOST_LIMIT; POD_START ends with which mounts are read-only with all below them, and the writable layer's project
 *
 * `version.ts` holds the same table.
 */
#ifndef CORACLE_PROTOCOL_H
#define CORACLE_PROTOCOL_H

#define PROTOCOL_VERSION 9u
/* The oldest agent that may drive programs of this build. */
#define OLDEST_AGENT 1u

#define FRAME_HEADER 12u
#define FRAME_MAX (8u << 20)
#define ABSENT UINT64_MAX

/* files: [{controller, name, value}], written in that order after what `resources` makes of itself; a machine without the controller, or
 * whose kernel has no such file, goes without. */
enum frame_type {
    /* agent -> coracle-pod, on the control connection; answered by OK or ERROR with the same id */
    /* {u32 version} -> {key, running: [{id, u32 pid, u64 startedAt, u32 cgroup index}], exits: [exit], u32 version, u32 oldest agent};
     * subscribes to POD_EXITED */
    POD_HELLO = 1,
    POD_CONFIGURE = 2, /* {hostname, sysctls: [{name, value}], resources, u32 shareProcesses, files} */
    POD_START = 3,     /* container spec (spec.c) -> {u32 pid, u64 startedAt, u32 cgroup index} */
    POD_SIGNAL = 4,    /* {id, u32 signal} */
    POD_REMOVE = 5,    /* {id} -> {u32 cgroup index}: its zygote is gone, files and cgroup may be removed; NOT_FOUND: so is it, and it never had a cgroup */
    POD_RESIZE = 9,    /* {id, resources, files}: what a running container may use from now on; '' is the pod as a whole */
    /* first frame of a connection of its own */
    POD_EXEC = 6,   /* {id, args, u32 tty, u32 stdin} -> OK, then stream frames */
    POD_ATTACH = 7, /* {id, u32 stdin} -> OK {u32 terminal}, then stream frames */
    POD_DIAL = 8,   /* {u32 port} -> OK, then raw bytes */
    /* both ways on exec and attach connections; id 0 */
    STREAM_STDIN = 20,
    STREAM_STDIN_CLOSE = 21,
    STREAM_RESIZE = 22, /* {u32 columns, u32 rows} */
    STREAM_STDOUT = 23,
    STREAM_STDERR = 24,
    STREAM_EXIT = 25, /* {u32 code} */
    /* coracle-pod -> agent; exit: {id, u32 code, u32 signal, u32 oomKilled, u64 startedAt, u64 finishedAt} */
    POD_EXITED = 30,
    OK = 40,
    ERROR = 41, /* {u32 error code, message} */
    /* agent -> coracle-host */
    HOST_HELLO = 49,    /* {u32 version} -> {u32 version, u32 oldest agent} */
    HOST_SPAWN = 50,    /* spawn.c -> {u32 pid, u64 start time in ticks} */
    HOST_NETWORK = 51,  /* network.c */
    HOST_UNPACK = 52,   /* unpack.c */
    HOST_DESTROY = 53,  /* destroy.c: one sandbox */
    HOST_TEARDOWN = 54, /* destroy.c: everything of an instance */
    HOST_MEMORY = 55,   /* memory.c */
    HOST_USERS = 56,    /* users.c */
    HOST_PACK = 57,     /* pack.c */
    HOST_OPAQUE = 58,   /* opaque.c */
    HOST_CGROUPS = 59,  /* cgroup.c */
    HOST_QUOTA = 60,    /* quota.c */
    HOST_LIMIT = 61,    /* quota.c -> {u32 1: done, 0: others have the project} */
};

/* Error codes: RuntimeErrorCode in node-agent/runtime/runtime.ts, in that order. */
enum error_code {
    COMMAND_NOT_FOUND = 1,
    COMMAND_NOT_EXECUTABLE = 2,
    MOUNT_FAILED = 3,
    DIGEST_MISMATCH = 4,
    BAD_LAYER = 5,
    NOT_FOUND = 6,
    UNAVAILABLE = 7,
    FAILED = 8,
};

#endif
