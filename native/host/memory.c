/* File systems in memory, for what of a pod must not reach a disk. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "../protocol.h"
#include "host.h"

#define TMPFS 0x01021994
#define HUGETLBFS 0x958458f6

/* 1: one is mounted there already, by this agent or an earlier one; 0: nothing is. */
static int is_mounted(const char *path, struct failure *failure)
{
    struct statx status;
    struct statfs system;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) < 0 || statfs(path, &system) < 0) return fail_errno(failure, FAILED, "examining %s", path);
    if (!S_ISDIR(status.stx_mode)) return fail(failure, FAILED, "%s is no directory", path);
    if (!(status.stx_attributes & STATX_ATTR_MOUNT_ROOT)) return 0;
    return system.f_type == TMPFS || system.f_type == HUGETLBFS ? 1 : fail(failure, FAILED, "something else is mounted on %s", path);
}

static int mount_huge_pages(const char *name, const char *directory, const char *options, mode_t mode, uint64_t page, struct failure *failure)
{
    char whole[192];
    snprintf(whole, sizeof whole, "%s,pagesize=%llu", options, (unsigned long long)page);
    if (mount(name, directory, "hugetlbfs", MS_NODEV, whole) < 0) {
        return fail_errno(failure, FAILED, "mounting huge pages of %llu bytes on %s", (unsigned long long)page, directory);
    }
    /* as an option, it has no place for the set-group-ID bit */
    return chmod(directory, mode) < 0 ? fail_errno(failure, FAILED, "setting the mode of %s", directory) : 0;
}

/* {directory, name that mountinfo shows, u64 size or ABSENT, u32 mode, u32 group, u64 size of huge pages or ABSENT} */
int memory_mount(struct reader *reader, struct failure *failure)
{
    const char *directory = read_text(reader), *name = read_text(reader);
    uint64_t size = read_u64(reader);
    uint32_t mode = read_u32(reader), group = read_u32(reader);
    uint64_t page = read_u64(reader);
    if (reader->bad || directory[0] != '/') return fail(failure, FAILED, "the memory request is malformed");
    if (mkdir(directory, 0700) < 0 && errno != EEXIST) return fail_errno(failure, FAILED, "making %s", directory);
    int mounted = is_mounted(directory, failure);
    if (mounted != 0) return mounted < 0 ? -1 : 0;
    char options[128];
    /* kernels before 6.4 can't keep it out of the swap */
    int start = snprintf(options, sizeof options, "noswap,"), used = start;
    used += snprintf(options + used, sizeof options - (size_t)used, "mode=%o,gid=%u", mode, group);
    if (size != ABSENT) snprintf(options + used, sizeof options - (size_t)used, ",size=%llu", (unsigned long long)size);
    if (page != ABSENT) return mount_huge_pages(name, directory, options + start, mode, page, failure);
    if (mount(name, directory, "tmpfs", MS_NODEV, options) == 0) return 0;
    if (errno == EINVAL && mount(name, directory, "tmpfs", MS_NODEV, options + start) == 0) return 0;
    return fail_errno(failure, FAILED, "mounting memory on %s", directory);
}
