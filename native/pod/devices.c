/*
 * /dev: a small tmpfs. Devices are bound from the host's rather than made: the tmpfs itself is nodev, so a node that the
 * container makes there (MKNOD is a default capability) can't be opened. Privileged pods get every device of the host.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "rootfs.h"

static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};

static int bind_nodes(int dev, struct failure *failure)
{
    for (unsigned i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        char source[32];
        snprintf(source, sizeof source, "/dev/%s", nodes[i]);
        int tree = copy_tree(AT_FDCWD, source, false);
        /* read-only: writing to the device still works, but not chmod or chown, which would be the host's too */
        static const struct mount_attributes attributes = {.set = MOUNT_READ_ONLY};
        if (tree < 0 || mount_set(tree, 0, &attributes) < 0) return fail_errno(failure, MOUNT_FAILED, "opening %s", source);
        if (attach_tree(tree, open_target(dev, nodes[i], false, failure), source, failure) < 0) return -1;
    }
    return 0;
}

/* Copies every device node of the host, two levels deep, which is how deep udev nests what containers use. */
static int copy_nodes(int dev, const char *host, int depth, struct failure *failure)
{
    DIR *directory = opendir(host);
    if (directory == NULL) return fail_errno(failure, MOUNT_FAILED, "reading %s", host);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        struct stat status;
        const char *name = entry->d_name;
        if (name[0] == '.' || fstatat(dirfd(directory), name, &status, AT_SYMLINK_NOFOLLOW) < 0) continue; /* gone since it was listed */
        if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
            if (strcmp(name, "console") == 0 || strcmp(name, "ptmx") == 0) continue;
            if (mknodat(dev, name, status.st_mode, status.st_rdev) < 0) { closedir(directory); return fail_errno(failure, MOUNT_FAILED, "making the device %s", name); }
            if (fchmodat(dev, name, status.st_mode & 07777, 0) < 0 || fchownat(dev, name, status.st_uid, status.st_gid, 0) < 0) { closedir(directory); return fail_errno(failure, MOUNT_FAILED, "setting the owner of the device %s", name); }
        } else if (S_ISDIR(status.st_mode) && depth > 0 && strcmp(name, "pts") != 0 && strcmp(name, "shm") != 0 && strcmp(name, "mqueue") != 0) {
            char path[300];
            snprintf(path, sizeof path, "%s/%s", host, name);
            int child = mkdirat(dev, name, 0755) < 0 ? -1 : openat(dev, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
            int result = child < 0 ? fail_errno(failure, MOUNT_FAILED, "making /dev/%s", name) : copy_nodes(child, path, depth - 1, failure);
            if (child >= 0) close(child);
            if (result < 0) { closedir(directory); return -1; }
        }
    }
    closedir(directory);
    return 0;
}

static int make_links(int dev, struct failure *failure)
{
    static const char *const links[][2] = {{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
                                           {"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"}, {"/proc/kcore", "core"}};
    for (unsigned i = 0; i < sizeof links / sizeof *links; i++) {
        if (symlinkat(links[i][0], dev, links[i][1]) < 0) return fail_errno(failure, MOUNT_FAILED, "linking /dev/%s", links[i][1]);
    }
    return 0;
}

static int mount_shared_memory(const struct spec *spec, int dev, int sandbox, struct failure *failure)
{
    int tree = spec->flags & HOST_IPC ? copy_tree(AT_FDCWD, "/dev/shm", false) : copy_tree(sandbox, "shm", false);
    if (tree < 0) return fail_errno(failure, MOUNT_FAILED, "opening the pod's shared memory");
    return attach_tree(tree, open_target(dev, "shm", true, failure), "/dev/shm", failure);
}

int devices_make(const struct spec *spec, int root, int sandbox, struct failure *failure)
{
    bool privileged = spec->flags & PRIVILEGED;
    if (mkdirat(root, "dev", 0755) < 0 && errno != EEXIST) return fail_errno(failure, MOUNT_FAILED, "making /dev");
    int target = open_in(root, "dev", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
    if (target < 0) return fail_errno(failure, MOUNT_FAILED, "opening /dev, which must be a directory and not a link");
    unsigned long flags = MS_NOSUID | MS_NOEXEC | (privileged ? 0 : MS_NODEV);
    if (mount_on(target, "tmpfs", "mode=755,size=65536k", flags, "/dev", failure) < 0) return -1;
    int dev = open_in(root, "dev", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
    if (dev < 0) return fail_errno(failure, MOUNT_FAILED, "opening the mounted /dev");
    if ((privileged ? copy_nodes(dev, "/dev", 1, failure) : bind_nodes(dev, failure)) < 0 || make_links(dev, failure) < 0) return -1;
    /* not nodev: terminals live there, and nothing else can be made in a devpts */
    if (mount_on(open_target(dev, "pts", true, failure), "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC, "/dev/pts", failure) < 0) return -1;
    if (mount_on(open_target(dev, "mqueue", true, failure), "mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, "/dev/mqueue", failure) < 0) return -1;
    if (mount_shared_memory(spec, dev, sandbox, failure) < 0) return -1;
    close(dev);
    return 0;
}
