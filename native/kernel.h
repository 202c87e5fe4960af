/* System calls and constants that musl 1.2.3 or glibc 2.36 do not wrap. */
#ifndef CORACLE_KERNEL_H
#define CORACLE_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_PARENT
#define CLONE_PARENT 0x00008000
#endif

#define OPEN_TREE_CLONE_FLAG 1u
#define RECURSIVE_AT 0x8000u
#define EMPTY_PATH_AT 0x1000u
#define MOVE_MOUNT_FROM_EMPTY 0x00000004u
#define MOVE_MOUNT_TO_EMPTY 0x00000040u

struct mount_attributes {
    uint64_t set, clear, propagation, userns_fd;
};
#define MOUNT_READ_ONLY 0x1u
#define MOUNT_NO_SUID 0x2u
#define MOUNT_NO_DEV 0x4u
#define MOUNT_NO_EXEC 0x8u
#define MOUNT_ID_MAPPED 0x100000u

/* Like fork, with clone3's flags; `cgroup` is a directory's descriptor with CLONE_INTO_CGROUP, or -1. */
static inline pid_t fork_with(uint64_t flags, int exit_signal, int cgroup)
{
    struct clone_args arguments = {.flags = flags | (cgroup >= 0 ? 0x200000000ull : 0), .exit_signal = (uint64_t)exit_signal,
                                   .cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0};
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

/* As above, and `*pidfd` names the child for its parent. */
static inline pid_t fork_followed(uint64_t flags, int *pidfd)
{
    struct clone_args arguments = {.flags = flags | 0x1000 /* CLONE_PIDFD */, .pidfd = (uint64_t)(uintptr_t)pidfd};
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

static inline int open_in(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

static inline int open_tree_at(int directory, const char *path, unsigned flags)
{
    return (int)syscall(428 /* open_tree */, directory, path, flags | O_CLOEXEC);
}

static inline int move_mount_to(int tree, int target)
{
    return (int)syscall(429 /* move_mount */, tree, "", target, "", MOVE_MOUNT_FROM_EMPTY | MOVE_MOUNT_TO_EMPTY);
}

static inline int mount_set(int tree, unsigned flags, const struct mount_attributes *attributes)
{
    return (int)syscall(SYS_mount_setattr, tree, "", flags | EMPTY_PATH_AT, attributes, sizeof *attributes);
}

/* A mount, attached to nothing yet, of a file system of the kernel's own; -1 with errno. */
static inline int make_tree(const char *type, unsigned attributes)
{
    int context = (int)syscall(430 /* fsopen */, type, 1 /* FSOPEN_CLOEXEC */), tree = -1;
    if (context < 0) return -1;
    if (syscall(431 /* fsconfig */, context, 1 /* FSCONFIG_SET_STRING */, "source", type, 0) == 0 &&
        syscall(431, context, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) == 0) tree = (int)syscall(432 /* fsmount */, context, 1 /* FSMOUNT_CLOEXEC */, attributes);
    int reason = errno;
    close(context);
    errno = reason;
    return tree;
}

/* Shows the mount that `tree` is, attached to nothing yet, with its owners as the user namespace has them. */
static inline int map_owners(int tree, int users)
{
    const struct mount_attributes attributes = {.set = MOUNT_ID_MAPPED, .userns_fd = (uint64_t)users};
    return mount_set(tree, 0, &attributes);
}

static inline int process_fd(pid_t pid)
{
    return (int)syscall(434 /* pidfd_open */, pid, 0);
}

static inline int signal_fd(int pidfd, int signal)
{
    return (int)syscall(424 /* pidfd_send_signal */, pidfd, signal, NULL, 0);
}

static inline int close_from(unsigned first)
{
    return (int)syscall(SYS_close_range, first, ~0u, 0);
}

#endif
