/*
 * The frames that the agent speaks with coracle-host (its child, over standard input and output) and coracle-pod (one per
 * pod, over <sandbox>/pod.sock). `host.ts` and `pod.ts` hold the other half; change both together.
 *
 *   frame    u32 length of the rest | u32 type | u32 id | payload          everything little-endian
 *   text     u32 length | bytes | NUL (not counted; no other NUL inside)
 *   blob     the same, any bytes inside
 *   list     u32 count | items
 *   absent numbers are all ones
 */
#ifndef CORACLE_PROTOCOL_H
#define CORACLE_PROTOCOL_H

#define FRAME_HEADER 12u
#define FRAME_MAX (8u << 20)
#define ABSENT UINT64_MAX

enum frame_type {
    /* agent -> coracle-pod, on the control connection; answered by OK or ERROR with the same id */
    POD_HELLO = 1,     /* {} -> {key, running: [{id, u32 pid, u64 startedAt, u32 cgroup index}], exits: [exit]}; subscribes to POD_EXITED */
    POD_CONFIGURE = 2, /* {hostname, sysctls: [{name, value}], resources, u32 shareProcesses} */
    POD_START = 3,     /* container spec (spec.c) -> {u32 pid, u64 startedAt, u32 cgroup index} */
    POD_SIGNAL = 4,    /* {id, u32 signal} */
    POD_REMOVE = 5,    /* {id} -> {u32 cgroup index}: its zygote is gone, files and cgroup may be removed */
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
    HOST_SPAWN = 50,    /* spawn.c -> {u32 pid, u64 start time in ticks} */
    HOST_NETWORK = 51,  /* network.c */
    HOST_UNPACK = 52,   /* unpack.c */
    HOST_DESTROY = 53,  /* destroy.c: one sandbox */
    HOST_TEARDOWN = 54, /* destroy.c: everything of an instance */
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
