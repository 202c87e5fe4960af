/*
 * Holds: root in the host's mount namespace's copy. Gives up: every mount of the host, by pivot_root and a detaching umount; then,
 * in a pod with users of its own, the host's root, before anything is made whose owner is seen.
 * Paths that come from a pod or an image are resolved by the kernel inside the new root (openat2), never by string.
 */
#define _GNU_SOURCE
#include "rootfs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "kernelfs.h"
#include "lent.h"
#include "users.h"
#include "zygote.h"

static void descriptor_path(char *path, size_t size, int fd)
{
    snprintf(path, size, "/proc/self/fd/%d", fd);
}

/* Over the layer itself, in this mount namespace only: before Linux 6.15 an overlay takes no layer that is not attached. */
static int map_layer(const char *path, int users, struct failure *failure)
{
    int tree = copy_tree(AT_FDCWD, path, false);
    if (tree < 0) return fail_errno(failure, NOT_FOUND, "opening the layer %s", path);
    if (users_map(tree, users, path, failure) == 0) return attach_tree(tree, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), path, failure);
    close(tree);
    return -1;
}

/* Layers by descriptor: mount(2) takes one page of options, and 127 real paths are more. Adds to `used` characters of options, and
 * answers how many there are then; `opened` takes the descriptors. */
static int add_layers(char *options, size_t size, size_t used, const char **layers, uint32_t count, int users, int *opened, struct failure *failure)
{
    if (count > MOST_LAYERS) return fail(failure, MOUNT_FAILED, "%u layers are more than %d", count, MOST_LAYERS);
    for (uint32_t i = count; i-- > 0;) {
        if (users >= 0 && map_layer(layers[i], users, failure) < 0) return -1;
        opened[i] = open(layers[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (opened[i] < 0) return fail_errno(failure, NOT_FOUND, "opening the layer %s", layers[i]);
        used += (size_t)snprintf(options + used, size - used, "/proc/self/fd/%d%s", opened[i], i > 0 ? ":" : "");
    }
    return (int)used;
}

int merge_layers(const char **layers, uint32_t count, int target, int users, struct failure *failure)
{
    static const char first[] = "lowerdir=";
    char options[4096] = "lowerdir=", path[40];
    int opened[MOST_LAYERS];
    if (add_layers(options, sizeof options, sizeof first - 1, layers, count, users, opened, failure) < 0) return -1;
    descriptor_path(path, sizeof path, target);
    if (mount("overlay", path, "overlay", MS_RDONLY | MS_NODEV, options) < 0) return fail_errno(failure, MOUNT_FAILED, "mounting an overlay of %u layers", count);
    /* the overlay has mounts of its own of them */
    for (uint32_t i = 0; i < count; i++) {
        close(opened[i]);
        if (users >= 0 && umount2(layers[i], MNT_DETACH) < 0) return fail_errno(failure, MOUNT_FAILED, "detaching the layer %s", layers[i]);
    }
    return 0;
}

int mount_overlay(const struct spec *spec, int directory, int root, int users, struct failure *failure)
{
    static const char first[] = "volatile,lowerdir=";
    char options[4096] = "volatile,lowerdir=", target[40];
    int opened[MOST_LAYERS], added = add_layers(options, sizeof options, sizeof first - 1, spec->layers, spec->layer_count, users, opened, failure);
    if (added < 0) return -1;
    size_t used = (size_t)added;
    int upper = openat(directory, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC), work = openat(directory, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (upper < 0 || work < 0) return fail_errno(failure, FAILED, "opening the container's upper and work directories");
    snprintf(options + used, sizeof options - used, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", upper, work);
    descriptor_path(target, sizeof target, root);
    /* nodev: with MKNOD, a default capability, a container could otherwise open the host's disks; and whoever is root of a pod's
     * users owns what an image has of them */
    unsigned long flags = spec->flags & PRIVILEGED && users < 0 ? 0 : MS_NODEV;
    if (mount("overlay", target, "overlay", flags, options) < 0) return fail_errno(failure, MOUNT_FAILED, "mounting the overlay of %u layers", spec->layer_count);
    return 0;
}

/* The parent directory of `path` below root, made with `mode` when missing; *name is the last part. */
static int open_parent(int root, const char *path, const char **name, mode_t mode, uint64_t resolve, struct failure *failure)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    if (length >= sizeof part) return fail(failure, MOUNT_FAILED, "the mount target is longer than %d bytes", PATH_MAX);
    size_t last = length;
    while (last > 0 && path[last - 1] != '/') last--;
    *name = path + last;
    memcpy(part, path, last);
    part[last] = 0;
    while (last > 0 && part[last - 1] == '/') part[--last] = 0;
    if (last == 0) return dup(root);
    return open_or_make(root, part, true, mode, resolve, failure);
}

/* Symbolic links to what is not there, followed for one target: as many as the kernel follows of others. */
#define MOST_LINKS 40
static unsigned links_followed;

/* `name` in `parent`, the last part of `path`, is a link to what is not there: makes that, inside the root. Images have such links
 * for /etc/resolv.conf. */
static int make_behind_link(int root, int parent, const char *name, const char *path, const char *rest, bool directory, struct failure *failure)
{
    char link[PATH_MAX], behind[2 * PATH_MAX];
    ssize_t size = readlinkat(parent, name, link, sizeof link - 1);
    if (size < 0) return fail_errno(failure, MOUNT_FAILED, "opening %s", path);
    if (++links_followed > MOST_LINKS) return fail(failure, MOUNT_FAILED, "opening %s: more than %d symbolic links", path, MOST_LINKS);
    link[size] = 0;
    /* `..` in what comes out is the kernel's to resolve, as it is in the link */
    if (link[0] == '/') snprintf(behind, sizeof behind, "%s", link);
    else snprintf(behind, sizeof behind, "%.*s%s", (int)(rest - path), path, link);
    return open_or_make(root, behind, directory, 0755, RESOLVE_IN_ROOT, failure);
}

int open_or_make(int root, const char *path, bool directory, mode_t mode, uint64_t resolve, struct failure *failure)
{
    int fd = open_in(root, path, O_PATH | (directory ? O_DIRECTORY : 0u), 0, resolve | RESOLVE_NO_MAGICLINKS);
    if (fd >= 0) return fd;
    if (errno != ENOENT) return fail_errno(failure, MOUNT_FAILED, "opening %s", path);
    const char *rest;
    int parent = open_parent(root, path, &rest, mode, resolve, failure);
    if (parent < 0) return -1;
    char name[NAME_MAX + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(rest, "/"), rest);
    int made = directory ? mkdirat(parent, name, mode) : mknodat(parent, name, S_IFREG | 0644, 0);
    if (made < 0 && errno != EEXIST) fail_errno(failure, MOUNT_FAILED, "making %s", path);
    else fd = open_in(root, path, O_PATH | (directory ? O_DIRECTORY : 0u), 0, resolve | RESOLVE_NO_MAGICLINKS);
    if (fd < 0 && made < 0 && failure->code == 0 && errno == ENOENT && resolve == RESOLVE_IN_ROOT) fd = make_behind_link(root, parent, name, path, rest, directory, failure);
    else if (fd < 0 && failure->code == 0) fail_errno(failure, MOUNT_FAILED, "opening %s", path);
    close(parent);
    return fd;
}

int open_target(int root, const char *path, bool directory, struct failure *failure)
{
    links_followed = 0;
    return open_or_make(root, path, directory, 0755, RESOLVE_IN_ROOT, failure);
}

/* By no path of its own: /proc/self is not there for who has just entered its root, or is not in its pid namespace. */
int mount_on(int target, const char *type, const char *options, unsigned long flags, const char *name, struct failure *failure)
{
    if (target < 0) return -1;
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int result = here < 0 || fchdir(target) < 0 ? -1 : mount(type, ".", type, flags, options);
    if (result < 0 || fchdir(here) < 0) result = fail_errno(failure, MOUNT_FAILED, "mounting %s on %s", type, name);
    if (here >= 0) close(here);
    close(target);
    return result;
}

int copy_tree(int directory, const char *path, bool recursive)
{
    return open_tree_at(directory, path, OPEN_TREE_CLONE_FLAG | EMPTY_PATH_AT | (recursive ? RECURSIVE_AT : 0));
}

int attach_tree(int tree, int target, const char *name, struct failure *failure)
{
    int result = target < 0 ? -1 : move_mount_to(tree, target);
    if (target >= 0 && result < 0) fail_errno(failure, MOUNT_FAILED, "mounting on %s", name);
    if (target >= 0) close(target);
    close(tree);
    return result;
}

int detach_mounts(struct failure *failure)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) return fail_errno(failure, MOUNT_FAILED, "detaching the mount namespace from the host's");
    return 0;
}

/* The kernel's words for a directory on a file, and the other way round, don't say so. */
static int explain_mismatch(int root, const char *path, bool directory, struct failure *failure)
{
    struct stat status;
    int there = open_in(root, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (there < 0) return -1;
    if (fstat(there, &status) == 0 && S_ISDIR(status.st_mode) != directory) {
        fail(failure, MOUNT_FAILED, directory ? "mounting a directory on %s, which is a file (subPath mounts one file of a volume)" : "mounting a file on %s, which is a directory", path);
    }
    close(there);
    return -1;
}

static int attach_mounts(const struct spec *spec, int root, const int *trees, struct failure *failure)
{
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        const struct mount *mount = &spec->mounts[i];
        if (trees[i] < 0) {
            char options[64] = "mode=777";
            if (mount->size != ABSENT) snprintf(options, sizeof options, "mode=777,size=%llu", (unsigned long long)mount->size);
            unsigned long flags = MS_NOSUID | MS_NODEV | (mount->read_only ? MS_RDONLY : 0);
            if (mount_on(open_target(root, mount->target, true, failure), "tmpfs", options, flags, mount->target, failure) < 0) return -1;
            continue;
        }
        struct stat status;
        if (fstat(trees[i], &status) < 0) return fail_errno(failure, MOUNT_FAILED, "examining the mount source %s", mount->source);
        bool directory = S_ISDIR(status.st_mode);
        if (attach_tree(trees[i], open_target(root, mount->target, directory, failure), mount->target, failure) < 0) return explain_mismatch(root, mount->target, directory, failure);
    }
    return 0;
}

int reopen(int fd, struct failure *failure)
{
    char link[40], path[PATH_MAX];
    descriptor_path(link, sizeof link, fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return fail_errno(failure, FAILED, "reading %s", link);
    path[size] = 0;
    int own = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return own < 0 ? fail_errno(failure, FAILED, "opening %s", path) : own;
}

/* `path` becomes the root of all, and what was is gone: not only out of sight, where a pod's own users could still reach it. */
static int become_root(int parent, const char *path, struct failure *failure)
{
    int root = openat(parent, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || fchdir(root) < 0) return fail_errno(failure, MOUNT_FAILED, "entering the mounted root");
    close(root);
    /* the old root lands on top of the new one and is taken off again: no directory for it is needed */
    if (syscall(SYS_pivot_root, ".", ".") < 0) return fail_errno(failure, MOUNT_FAILED, "changing the root");
    if (umount2(".", MNT_DETACH) < 0) return fail_errno(failure, MOUNT_FAILED, "detaching the old root");
    return chdir("/") < 0 ? fail_errno(failure, MOUNT_FAILED, "entering the new root") : 0;
}

static int enter_ordinary(const struct spec *spec, int directory, const struct stage *stage, struct failure *failure)
{
    int root = openat(directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return fail_errno(failure, FAILED, "opening the container's root directory");
    if (mount_overlay(spec, directory, root, -1, failure) < 0) return -1;
    close(root);
    if (stage == NULL) return become_root(directory, "root", failure);
    /* before the old root goes, and what is staged in it */
    if ((root = openat(directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) return fail_errno(failure, MOUNT_FAILED, "opening the mounted root");
    if (kernelfs_move(stage->kernelfs, root, failure) < 0) return -1;
    close(root);
    return become_root(directory, "root", failure);
}

static void stage_name(char *name, size_t size, uint32_t index)
{
    snprintf(name, size, "%u", index);
}

/* What the host lends is hung up beside the overlay, in a root of its own. */
static int stage(const struct spec *spec, int directory, int users, const int *volumes, struct failure *failure)
{
    int target = openat(directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (target < 0) return fail_errno(failure, FAILED, "opening the container's root directory");
    if (mount_on(target, "tmpfs", "mode=755,size=1m", MS_NOSUID | MS_NODEV | MS_NOEXEC, "the container's root directory", failure) < 0) return -1;
    int staged = openat(directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int root = staged < 0 ? -1 : open_target(staged, "root", true, failure);
    if (root < 0 || mount_overlay(spec, directory, root, users, failure) < 0) return -1;
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        struct stat status;
        char name[16];
        stage_name(name, sizeof name, i);
        if (volumes[i] < 0) continue;
        if (fstat(volumes[i], &status) < 0) return fail_errno(failure, MOUNT_FAILED, "examining the mount source %s", spec->mounts[i].source);
        if (attach_tree(volumes[i], open_target(staged, name, S_ISDIR(status.st_mode), failure), spec->mounts[i].source, failure) < 0) return -1;
    }
    close(root);
    close(staged);
    return become_root(directory, "root", failure);
}

/*
 * Mounts that come into a mount namespace of other users with it are locked: their flags (read-only, nodev) are not those users'
 * to change. Copies keep that, but can be put anywhere, and the root that the first hung in is left behind.
 */
static int enter_with_users(const struct spec *spec, int directory, int users, int *volumes, struct failure *failure)
{
    if (stage(spec, directory, users, volumes, failure) < 0 || users_enter(users, failure) < 0) return -1;
    if (unshare(CLONE_NEWNS | CLONE_NEWCGROUP) < 0) return fail_errno(failure, FAILED, "making the namespaces of the pod's users");
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        char path[16] = "/";
        stage_name(path + 1, sizeof path - 1, i);
        if (volumes[i] >= 0 && (volumes[i] = copy_tree(AT_FDCWD, path, true)) < 0) return fail_errno(failure, MOUNT_FAILED, "copying the mount of %s", spec->mounts[i].source);
    }
    int root = copy_tree(AT_FDCWD, "/root", true);
    if (root < 0) return fail_errno(failure, MOUNT_FAILED, "copying the overlay's mount");
    if (attach_tree(root, open("/root", O_PATH | O_DIRECTORY | O_CLOEXEC), "/root", failure) < 0) return -1;
    return become_root(AT_FDCWD, "/root", failure);
}

/* Volumes are what the host has by their names now, not when its mounts were copied for the stage. */
static int *lend_from_host(const struct spec *spec, const int *fds, const struct stage *stage, struct failure *failure)
{
    if (spec->mount_count == 0) return lend_volumes(spec, -1, -1, failure);
    int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), *volumes = NULL;
    if (own < 0 || setns(stage->host, CLONE_NEWNS) < 0) fail_errno(failure, FAILED, "going back to the host's mounts");
    else volumes = lend_volumes(spec, fds[FD_SANDBOX], -1, failure);
    if (volumes != NULL && setns(own, CLONE_NEWNS) < 0) fail_errno(failure, FAILED, "returning from the host's mounts");
    close(own);
    return failure->code == 0 ? volumes : NULL;
}

static int *lend_all(const struct spec *spec, const int *fds, int users, struct lent *lent, struct failure *failure)
{
    int sandbox = reopen(fds[FD_SANDBOX], failure);
    int *volumes = sandbox < 0 ? NULL : lend_volumes(spec, sandbox, users, failure);
    if (volumes == NULL || detach_mounts(failure) < 0 || lend_kernel(spec, sandbox, users, fds[FD_PIDS], lent, failure) < 0) return NULL;
    close(sandbox);
    return volumes;
}

int rootfs_enter(const struct spec *spec, const int *fds, const struct stage *stage, struct failure *failure)
{
    struct lent lent;
    int users = spec->first_id == 0 ? -1 : fds[FD_USERS];
    int *volumes = stage == NULL ? lend_all(spec, fds, users, &lent, failure) : lend_from_host(spec, fds, stage, failure);
    int directory = volumes == NULL ? -1 : reopen(fds[FD_DIRECTORY], failure);
    if (directory < 0 || lend_images(spec, directory, users, volumes, failure) < 0) return -1;
    if ((users < 0 ? enter_ordinary(spec, directory, stage, failure) : enter_with_users(spec, directory, users, volumes, failure)) < 0) return -1;
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return fail_errno(failure, MOUNT_FAILED, "opening the root");
    if (stage == NULL && (kernelfs_attach(spec, root, &lent, failure) < 0 || kernelfs_protect(spec, root, failure) < 0)) return -1;
    if (attach_mounts(spec, root, volumes, failure) < 0) return -1;
    free(volumes);
    close(root);
    return 0;
}

int rootfs_seal(const struct spec *spec, struct failure *failure)
{
    if (!(spec->flags & READ_ONLY_ROOT)) return 0;
    static const struct mount_attributes attributes = {.set = MOUNT_READ_ONLY};
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || mount_set(root, 0, &attributes) < 0) return fail_errno(failure, MOUNT_FAILED, "making the root read-only");
    close(root);
    return 0;
}
