/* A container's file system: overlay of its layers, mounts, /proc, /sys, /dev, masked paths; then it becomes the root. */
#ifndef CORACLE_ROOTFS_H
#define CORACLE_ROOTFS_H

#include <sys/types.h>

#include "lent.h"
#include "spec.h"

/* What was made for a container before it was known. */
struct stage {
    int kernelfs; /* kernelfs_stage */
    int host;     /* the host's mount namespace: what has been mounted there since then need not show here */
};

#define MOST_LAYERS 128

/* Called in the container's new mount namespace, with a request's descriptors (zygote.h): the container's directory has `upper`,
 * `work` and `root`, the pod's `shm`, `tmpfs` and, for SHARED_PIDS, `proc`. `stage`: what kernelfs_stage returned in this mount
 * namespace, or NULL. Afterwards the process stands in the new root and sees nothing else, and is its user namespace's root. */
int rootfs_enter(const struct spec *, const int *fds, const struct stage *, struct failure *);
/* After the terminal is made: the root itself becomes read-only, where the spec says so. */
int rootfs_seal(const struct spec *, struct failure *);
/* Nothing that is mounted from here on shows on the host, where the host shares its mounts at all; what is mounted there shows here. */
int detach_mounts(struct failure *);

/* The spec's layers and the container's `upper` on `root`, an open directory. */
int mount_overlay(const struct spec *, int directory, int root, int users, struct failure *);
/* Opens `path` below `root` (resolved inside it, symbolic links too), making missing directories, and the last part as a
 * directory or an empty file. */
int open_target(int root, const char *path, bool directory, struct failure *);
/* The same, following links as `resolve` (openat2) says, and making directories with `mode`. */
int open_or_make(int root, const char *path, bool directory, mode_t mode, uint64_t resolve, struct failure *);
/* Mounts several layers as one on an open target, the lowest first, with nothing to write to. */
int merge_layers(const char **layers, uint32_t count, int target, int users, struct failure *);
/* mount(2) on an open target, which must be a directory. */
int mount_on(int target, const char *type, const char *options, unsigned long flags, const char *name, struct failure *);
/* A copy of the mount at `path` below `directory`, or -1 with errno. */
int copy_tree(int directory, const char *path, bool recursive);
int attach_tree(int tree, int target, const char *name, struct failure *);
/* The same directory again, through this mount namespace: a descriptor from before the namespace was made names a mount of the
 * old one, on which nothing can be mounted here. */
int reopen(int fd, struct failure *);
/* Makes /dev below `root`. */
int devices_make(const struct spec *, int root, const struct lent *, struct failure *);

#endif
