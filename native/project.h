/* Project ids of files, by which a file system with project quota counts and limits what a directory holds. Source: ioctl_xfs_fsgetxattr(2). */
#ifndef CORACLE_PROJECT_H
#define CORACLE_PROJECT_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* As in linux/fs.h, which the C libraries' own headers of mounts do not go with. */
struct file_attributes {
    uint32_t flags, extent_size, extents, project, copy_extent_size;
    uint8_t unused[8];
};
#define GET_FILE_ATTRIBUTES _IOR('X', 31, struct file_attributes)
#define SET_FILE_ATTRIBUTES _IOW('X', 32, struct file_attributes)
/* What is made in the directory is of its project too. */
#define PROJECT_INHERITED 0x200u

/* 0 or -1 with errno. */
static inline int project_give_open(int directory, uint32_t project)
{
    struct file_attributes attributes;
    if (ioctl(directory, GET_FILE_ATTRIBUTES, &attributes) < 0) return -1;
    if (attributes.project == project && attributes.flags & PROJECT_INHERITED) return 0;
    attributes.flags |= PROJECT_INHERITED;
    attributes.project = project;
    return ioctl(directory, SET_FILE_ATTRIBUTES, &attributes);
}

/* Gives an empty directory, and with it all that will be made in it, to a project. */
static inline int project_give(int parent, const char *path, uint32_t project)
{
    int directory = openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = directory < 0 ? -1 : project_give_open(directory, project), reason = errno;
    if (directory >= 0) close(directory);
    errno = reason;
    return result;
}

#endif
