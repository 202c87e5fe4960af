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

static int attach_nodes(int dev, const int *trees, struct failure *failure)
{
    for (unsigned i = 0; i < LENT_NODES; i++) {
        if (attach_tree(trees[i], open_target(dev, lent_nodes[i], false, failure), lent_nodes[i], failure) < 0) return -1;
    }
    return 0;
}

/* Copies every device node of the host, two levels deep, which is how deep udev nests what containers use. Closes `host`. */
static int copy_nodes(int dev, int host, int depth, struct failure *failure)
{
    DIR *directory = host < 0 ? NULL : fdopendir(host);
    if (directory == NULL) return fail_errno(failure, MOUNT_FAILED, "reading the host's /dev");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        struct stat status;
        const char *name = entry->d_name;
        if (name[0] == '.' || fstatat(dirfd(directory), name, &status, AT_SYMLINK_NOFOLLOW) < 0) continue; /* gone since it was listed */
        if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
            if (strcmp(name, "console") == 0 || strcmp(name, "ptmx") == 0) continue;
            if (mknodat(dev, name, status.st_mode, status.st_rdev) < 0) { closedir(directory); return fail_errno(failure, MOUNT_FAILED, "making the device %s", name); }
            if (fchmodat(dev, name, status.st_mode & 07777, 0) < 0 || fchownat(dev, name, status.st_uid, status.st_gid, 0) < 0) { closedir(directory); return fail_errno(failure, MOUNT_FAILED, "setting the owner of the device %s", name); }
        } else if (S_ISDIR(status.st_mode) && depth > 0 && strcmp(name, "pts") != 0 && strcmp(name, "shm") != 0 && strcmp(name, "mqueue") != 0) {
            int child = mkdirat(dev, name, 0755) < 0 ? -1 : openat(dev, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
            int result = child < 0 ? fail_errno(failure, MOUNT_FAILED, "making /dev/%s", name) : copy_nodes(child, openat(dirfd(directory), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), depth - 1, failure);
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

int devices_make(const struct spec *spec, int root, const struct lent *lent, struct failure *failure)
{
    bool privileged = spec->flags & PRIVILEGED;
    if (mkdirat(root, "dev", 0755) < 0 && errno != EEXIST) return fail_errno(failure, MOUNT_FAILED, "making /dev");
    int target = open_in(root, "dev", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
    if (target < 0) return fail_errno(failure, MOUNT_FAILED, "opening /dev, which must be a directory and not a link");
    unsigned long flags = MS_NOSUID | MS_NOEXEC | (privileged ? 0 : MS_NODEV);
    if (mount_on(target, "tmpfs", "mode=755,size=65536k", flags, "/dev", failure) < 0) return -1;
    int dev = open_in(root, "dev", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
    if (dev < 0) return fail_errno(failure, MOUNT_FAILED, "opening the mounted /dev");
    if ((lent->devices >= 0 ? copy_nodes(dev, lent->devices, 1, failure) : attach_nodes(dev, lent->nodes, failure)) < 0 || make_links(dev, failure) < 0) return -1;
    /* not nodev: terminals live there, and nothing else can be made in a devpts */
    if (mount_on(open_target(dev, "pts", true, failure), "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC, "/dev/pts", failure) < 0) return -1;
    if (mount_on(open_target(dev, "mqueue", true, failure), "mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, "/dev/mqueue", failure) < 0) return -1;
    int result = attach_tree(lent->shm, open_target(dev, "shm", true, failure), "/dev/shm", failure);
    close(dev);
    return result;
}
