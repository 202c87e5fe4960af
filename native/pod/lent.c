#define _GNU_SOURCE
#include "lent.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "cgroup.h"
#include "rootfs.h"
#include "users.h"

const char *const lent_nodes[LENT_NODES] = {"null", "zero", "full", "random", "urandom", "tty"};

/* A volume's content is its containers': a link in it that leads out of it is refused by the kernel, in the same step that opens. */
static int open_sub_path(const struct mount *mount, struct failure *failure)
{
    struct stat status;
    int volume = open(mount->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (volume < 0 || fstat(volume, &status) < 0) return fail_errno(failure, MOUNT_FAILED, "opening the mount source %s", mount->source);
    int fd = open_in(volume, mount->sub_path, O_PATH, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
    /* whoever may write in the volume may write in what is made of it, as with the kubelet; the kernel passes on the group of a setgid directory */
    if (fd < 0 && errno == ENOENT) fd = open_or_make(volume, mount->sub_path, true, status.st_mode & 01777, RESOLVE_BENEATH, failure);
    /* the same words, whichever step the link was in the way of */
    if (fd < 0 && (errno == EXDEV || errno == ELOOP)) fail(failure, MOUNT_FAILED, "subPath \"%s\" leads out of its volume", mount->sub_path);
    else if (fd < 0 && failure->code == 0) fail_errno(failure, MOUNT_FAILED, "opening subPath \"%s\"", mount->sub_path);
    close(volume);
    return fd;
}

static int copy_source(const struct mount *mount, int sandbox, struct failure *failure)
{
    char path[PATH_MAX];
    bool shared_tmpfs = mount->type == MOUNT_TMPFS;
    if (!shared_tmpfs && mount->sub_path[0] != 0) {
        int part = open_sub_path(mount, failure);
        int tree = part < 0 ? -1 : copy_tree(part, "", true);
        if (part >= 0 && tree < 0) fail_errno(failure, MOUNT_FAILED, "copying subPath \"%s\"", mount->sub_path);
        if (part >= 0) close(part);
        return tree;
    }
    snprintf(path, sizeof path, "%s%s", shared_tmpfs ? "tmpfs/" : "", mount->source);
    int tree = copy_tree(shared_tmpfs ? sandbox : AT_FDCWD, path, true);
    return tree < 0 ? fail_errno(failure, MOUNT_FAILED, "opening the mount source %s", mount->source) : tree;
}

/* What is mounted below a volume is not mapped with it: there, the container has the rights of others. */
static int lend_volume(const struct spec *spec, const struct mount *mount, int sandbox, int users, struct failure *failure)
{
    /* a mount that its own namespace's root makes there would show on the host */
    if (users >= 0 && mount->propagation == PROPAGATE_SHARED) return fail(failure, MOUNT_FAILED, "%s can't be mounted with Bidirectional propagation in a user namespace (hostUsers: false)", mount->target);
    int tree = copy_source(mount, sandbox, failure);
    if (tree < 0) return -1;
    static const uint64_t propagation[] = {MS_PRIVATE, MS_SLAVE, 0};
    struct mount_attributes attributes = {.propagation = propagation[mount->propagation]};
    if (attributes.propagation != 0 && mount_set(tree, RECURSIVE_AT, &attributes) < 0) return fail_errno(failure, MOUNT_FAILED, "setting the propagation of %s", mount->source);
    const struct mount_attributes below = {.set = MOUNT_READ_ONLY};
    if (mount->read_only_below && mount_set(tree, RECURSIVE_AT, &below) < 0) {
        return fail_errno(failure, MOUNT_FAILED, "making %s and all mounts below it read-only", mount->source);
    }
    attributes = (struct mount_attributes){.set = (mount->read_only ? MOUNT_READ_ONLY : 0) | (spec->flags & PRIVILEGED && users < 0 ? 0 : MOUNT_NO_DEV)};
    if (mount_set(tree, 0, &attributes) < 0) return fail_errno(failure, MOUNT_FAILED, "setting the flags of %s", mount->source);
    return users >= 0 && users_map(tree, users, mount->source, failure) < 0 ? -1 : tree;
}

int *lend_volumes(const struct spec *spec, int sandbox, int users, struct failure *failure)
{
    int *volumes = must_alloc((spec->mount_count + 1) * sizeof *volumes);
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        const struct mount *mount = &spec->mounts[i];
        volumes[i] = -1;
        if (mount->type == MOUNT_IMAGE || (mount->type == MOUNT_TMPFS && mount->source[0] == 0)) continue;
        volumes[i] = lend_volume(spec, mount, sandbox, users, failure);
        if (volumes[i] < 0) {
            free(volumes);
            return NULL;
        }
    }
    return volumes;
}

static int copy_of_image(const struct mount *mount, int image, struct failure *failure)
{
    const char *path = mount->sub_path[0] == 0 ? "." : mount->sub_path;
    int part = open_in(image, path, O_PATH, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
    if (part < 0 && errno == ENOENT) return fail(failure, MOUNT_FAILED, "subPath \"%s\" is not in the image %s", mount->sub_path, mount->source);
    if (part < 0 && (errno == EXDEV || errno == ELOOP)) return fail(failure, MOUNT_FAILED, "subPath \"%s\" leads out of the image %s", mount->sub_path, mount->source);
    if (part < 0) return fail_errno(failure, MOUNT_FAILED, "opening \"%s\" of the image %s", mount->sub_path, mount->source);
    int tree = copy_tree(part, "", false);
    close(part);
    return tree < 0 ? fail_errno(failure, MOUNT_FAILED, "copying the mount of the image %s", mount->source) : tree;
}

/* Several layers are merged where the container's root will be, for as long as their copy takes: one that is attached nowhere has no
 * parts that older kernels copy. */
static int copy_of_merged(const struct mount *mount, int directory, int users, struct failure *failure)
{
    char path[40];
    int target = openat(directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (target < 0) return fail_errno(failure, FAILED, "opening the container's root directory");
    if (merge_layers(mount->layers, mount->layer_count, target, users, failure) < 0) return -1;
    close(target);
    int image = openat(directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int tree = image < 0 ? fail_errno(failure, FAILED, "opening the image %s", mount->source) : copy_of_image(mount, image, failure);
    if (tree < 0) return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", image);
    if (umount2(path, MNT_DETACH) < 0) return fail_errno(failure, MOUNT_FAILED, "detaching the image %s", mount->source);
    close(image);
    return tree;
}

/* One layer shows as it is: an overlay takes two at least. */
static int copy_of_layer(const struct mount *mount, int users, struct failure *failure)
{
    int layer = open(mount->layers[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (layer < 0) return fail_errno(failure, NOT_FOUND, "opening the layer %s", mount->layers[0]);
    int tree = copy_of_image(mount, layer, failure);
    close(layer);
    return tree >= 0 && users >= 0 && users_map(tree, users, mount->source, failure) < 0 ? -1 : tree;
}

int lend_images(const struct spec *spec, int directory, int users, int *volumes, struct failure *failure)
{
    const struct mount_attributes attributes = {.set = MOUNT_READ_ONLY | (spec->flags & PRIVILEGED && users < 0 ? 0 : MOUNT_NO_DEV)};
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        const struct mount *mount = &spec->mounts[i];
        if (mount->type != MOUNT_IMAGE) continue;
        int tree = mount->layer_count == 1 ? copy_of_layer(mount, users, failure) : copy_of_merged(mount, directory, users, failure);
        if (tree < 0) return -1;
        if (mount_set(tree, 0, &attributes) < 0) return fail_errno(failure, MOUNT_FAILED, "setting the flags of the image %s", mount->source);
        volumes[i] = tree;
    }
    return 0;
}

static int lend_nodes(struct lent *lent, struct failure *failure)
{
    for (unsigned i = 0; i < LENT_NODES; i++) {
        char source[32];
        snprintf(source, sizeof source, "/dev/%s", lent_nodes[i]);
        lent->nodes[i] = copy_tree(AT_FDCWD, source, false);
        /* read-only: writing to the device still works, but not chmod or chown, which would be the host's too */
        static const struct mount_attributes attributes = {.set = MOUNT_READ_ONLY};
        if (lent->nodes[i] < 0 || mount_set(lent->nodes[i], 0, &attributes) < 0) return fail_errno(failure, MOUNT_FAILED, "opening %s", source);
    }
    return 0;
}

static int lend_devices(const struct spec *spec, int users, struct lent *lent, struct failure *failure)
{
    lent->devices = -1;
    /* in a user namespace nobody has rights on the others, and none can be made there */
    if (!(spec->flags & PRIVILEGED) || users >= 0) return lend_nodes(lent, failure);
    lent->devices = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return lent->devices < 0 ? fail_errno(failure, MOUNT_FAILED, "opening /dev") : 0;
}

static int lend_shared_memory(const struct spec *spec, int sandbox, int users, struct lent *lent, struct failure *failure)
{
    lent->shm = spec->flags & HOST_IPC ? copy_tree(AT_FDCWD, "/dev/shm", false) : copy_tree(sandbox, "shm", false);
    if (lent->shm < 0) return fail_errno(failure, MOUNT_FAILED, "opening the pod's shared memory");
    return users < 0 ? 0 : users_map(lent->shm, users, "the pod's shared memory", failure);
}

/* The container's own cgroup, by binding: mounting a hierarchy anew waits for whoever is just attaching a process somewhere on
 * the machine (7-14 ms), and inside its cgroup namespace both look the same. */
static int lend_cgroups(const struct spec *spec, struct lent *lent, struct failure *failure)
{
    const struct mount_attributes attributes = {.set = MOUNT_NO_SUID | MOUNT_NO_DEV | MOUNT_NO_EXEC | (spec->flags & PRIVILEGED ? 0 : MOUNT_READ_ONLY)};
    for (unsigned i = 0; i < LENT_CGROUPS && cgroup_controllers(i) != NULL; i++) {
        char path[300];
        cgroup_own_path(i, path, sizeof path);
        lent->cgroups[i] = copy_tree(AT_FDCWD, path, false);
        if (lent->cgroups[i] < 0 || mount_set(lent->cgroups[i], 0, &attributes) < 0) return fail_errno(failure, MOUNT_FAILED, "opening the cgroup %s", path);
    }
    return 0;
}

/*
 * The /proc of the container whose processes are joined, as that container has it: none can be made from outside of its pid
 * namespace, and inside of it its processes could trace who makes it. What is mounted at that path is the container's to change,
 * and taken only if it is a procfs: one that the container can see anyway.
 */
static int borrow_proc(int pids, struct failure *failure)
{
    struct statfs status;
    int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (own < 0 || setns(pids, CLONE_NEWNS) < 0) return fail_errno(failure, FAILED, "looking into the container whose processes are joined");
    int tree = copy_tree(AT_FDCWD, "/proc", false);
    if (setns(own, CLONE_NEWNS) < 0) return fail_errno(failure, FAILED, "coming back from the container whose processes are joined");
    close(own);
    if (tree < 0 || fstatfs(tree, &status) < 0) return fail_errno(failure, MOUNT_FAILED, "copying the other container's /proc");
    return status.f_type == PROC_SUPER_MAGIC ? tree : fail(failure, MOUNT_FAILED, "the container whose processes are joined has no procfs at /proc");
}

static int lend_proc(const struct spec *spec, int sandbox, int pids, unsigned attributes, struct failure *failure)
{
    if (spec->flags & JOINED_PIDS) return borrow_proc(pids, failure);
    /* with a shared pid namespace we are not in it: its procfs waits in the sandbox */
    int tree = spec->flags & SHARED_PIDS ? copy_tree(sandbox, "proc", false) : make_tree("proc", attributes);
    return tree < 0 ? fail_errno(failure, MOUNT_FAILED, "making the container's /proc") : tree;
}

/* Made here, where the machine's root may still make them: in a mount namespace that shows neither, a user namespace's may not. */
static int lend_proc_and_sys(const struct spec *spec, int sandbox, int pids, struct lent *lent, struct failure *failure)
{
    unsigned attributes = MOUNT_NO_SUID | MOUNT_NO_DEV | MOUNT_NO_EXEC;
    lent->proc = lend_proc(spec, sandbox, pids, attributes, failure);
    if (lent->proc < 0) return -1;
    lent->sys = make_tree("sysfs", attributes | (spec->flags & PRIVILEGED ? 0 : MOUNT_READ_ONLY));
    return lent->sys < 0 ? fail_errno(failure, MOUNT_FAILED, "making the container's /sys") : 0;
}

int lend_kernel(const struct spec *spec, int sandbox, int users, int pids, struct lent *lent, struct failure *failure)
{
    if (lend_proc_and_sys(spec, sandbox, pids, lent, failure) < 0 || lend_cgroups(spec, lent, failure) < 0) return -1;
    if (lend_devices(spec, users, lent, failure) < 0) return -1;
    return lend_shared_memory(spec, sandbox, users, lent, failure);
}
