/*
 * /proc, /sys and /dev are the same for all but a few containers and take longer to make than all the rest: they are made
 * beforehand, by the process that will be the container's first one (zygote.c), and moved into its root when there is one.
 * Hidden and protected is what the kernel shows; what a volume puts in its place is the pod's own.
 * Holds: root in the host's mount namespace's copy.
 */
#define _GNU_SOURCE
#include "kernelfs.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "cgroup.h"
#include "rootfs.h"

/* The kernel's own file systems go on real directories only: an image whose /proc is a link would move them. */
static int kernel_target(int root, const char *path, struct failure *failure)
{
    int made = mkdirat(root, path, 0755);
    if (made < 0 && errno != EEXIST) return fail_errno(failure, MOUNT_FAILED, "making /%s", path);
    int fd = open_in(root, path, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
    return fd < 0 ? fail_errno(failure, MOUNT_FAILED, "opening /%s, which must be a directory and not a link", path) : fd;
}

static int attach_cgroups(int root, const struct lent *lent, struct failure *failure)
{
    if (cgroup_is_v2()) return attach_tree(lent->cgroups[0], kernel_target(root, "sys/fs/cgroup", failure), "/sys/fs/cgroup", failure);
    if (mount_on(kernel_target(root, "sys/fs/cgroup", failure), "tmpfs", "mode=755,size=64k", MS_NOSUID | MS_NODEV | MS_NOEXEC, "/sys/fs/cgroup", failure) < 0) return -1;
    for (unsigned i = 0; i < LENT_CGROUPS && cgroup_controllers(i) != NULL; i++) {
        char path[96];
        snprintf(path, sizeof path, "sys/fs/cgroup/%s", cgroup_controllers(i));
        if (attach_tree(lent->cgroups[i], kernel_target(root, path, failure), path, failure) < 0) return -1;
    }
    return 0;
}

int kernelfs_attach(const struct spec *spec, int root, const struct lent *lent, struct failure *failure)
{
    if (attach_tree(lent->proc, kernel_target(root, "proc", failure), "/proc", failure) < 0) return -1;
    if (attach_tree(lent->sys, kernel_target(root, "sys", failure), "/sys", failure) < 0) return -1;
    if (attach_cgroups(root, lent, failure) < 0) return -1;
    return devices_make(spec, root, lent, failure);
}

/* Opens a path to protect; -1 with failure->code 0: there is nothing there. */
static int open_protected(int root, const char *path, struct failure *failure)
{
    int fd = open_in(root, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES) fail_errno(failure, MOUNT_FAILED, "opening %s to protect it", path);
    return fd;
}

static int make_read_only(int target, const char *path, struct failure *failure)
{
    struct mount_attributes attributes = {.set = MOUNT_READ_ONLY};
    int tree = copy_tree(target, "", true);
    if (tree < 0) return fail_errno(failure, MOUNT_FAILED, "copying the mount of %s", path);
    if (mount_set(tree, 0, &attributes) < 0) return fail_errno(failure, MOUNT_FAILED, "making %s read-only", path);
    return attach_tree(tree, target, path, failure);
}

static int mask(int root, int target, const char *path, struct failure *failure)
{
    struct stat status;
    if (fstat(target, &status) < 0) return fail_errno(failure, MOUNT_FAILED, "examining %s", path);
    if (S_ISDIR(status.st_mode)) return mount_on(target, "tmpfs", "mode=755,size=0k,nr_inodes=1", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, path, failure);
    int device = open_in(root, "dev/null", O_PATH, 0, RESOLVE_IN_ROOT), null = device < 0 ? -1 : copy_tree(device, "", false);
    if (device >= 0) close(device);
    if (null < 0) return fail_errno(failure, MOUNT_FAILED, "copying /dev/null");
    /* a privileged container's /dev is the machine's, whoever fills that */
    if (fstat(null, &status) < 0 || !S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
        close(null);
        close(target);
        return fail(failure, MOUNT_FAILED, "/dev/null is not the null device");
    }
    return attach_tree(null, target, path, failure);
}

int kernelfs_protect(const struct spec *spec, int root, struct failure *failure)
{
    for (const char **path = spec->read_only; *path != NULL; path++) {
        int target = open_protected(root, *path, failure);
        if (target >= 0 ? make_read_only(target, *path, failure) < 0 : failure->code != 0) return -1;
    }
    for (const char **path = spec->masked; *path != NULL; path++) {
        int target = open_protected(root, *path, failure);
        if (target >= 0 ? mask(root, target, *path, failure) < 0 : failure->code != 0) return -1;
    }
    return 0;
}

static const char *const staged[] = {"proc", "sys", "dev"};

int kernelfs_stage(const struct spec *spec, int sandbox, struct failure *failure)
{
    struct lent lent;
    int here = reopen(sandbox, failure);
    if (here < 0 || detach_mounts(failure) < 0 || lend_kernel(spec, here, -1, -1, &lent, failure) < 0) return -1;
    int target = openat(here, "empty", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (target < 0) return fail_errno(failure, FAILED, "opening empty in the sandbox's directory");
    if (mount_on(target, "tmpfs", "mode=755,size=64k", MS_NOSUID | MS_NODEV | MS_NOEXEC, "the stage", failure) < 0) return -1;
    int stage = openat(here, "empty", O_PATH | O_DIRECTORY | O_CLOEXEC);
    close(here);
    if (stage < 0) return fail_errno(failure, FAILED, "opening the stage");
    return kernelfs_attach(spec, stage, &lent, failure) < 0 || kernelfs_protect(spec, stage, failure) < 0 ? -1 : stage;
}

int kernelfs_move(int stage, int root, struct failure *failure)
{
    for (unsigned i = 0; i < sizeof staged / sizeof *staged; i++) {
        int tree = openat(stage, staged[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (tree < 0) return fail_errno(failure, MOUNT_FAILED, "opening the staged /%s", staged[i]);
        if (attach_tree(tree, kernel_target(root, staged[i], failure), staged[i], failure) < 0) return -1;
    }
    return 0;
}
