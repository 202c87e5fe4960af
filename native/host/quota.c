/* Hard limits of directories, on file systems that have project quota (ext4 and XFS mounted with prjquota). Sources: quotactl(2),
 * `linux/quota.h`. */
#define _GNU_SOURCE
#include <linux/dqblk_xfs.h>
#include <linux/quota.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "../project.h"
#include "../protocol.h"
#include "host.h"

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

static int quota(int directory, int command, uint32_t project, void *data)
{
    return (int)syscall(SYS_quotactl_fd, directory, QCMD(command, PRJQUOTA), project, data);
}

static int open_directory(const char *path, struct failure *failure)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return directory < 0 ? fail_errno(failure, FAILED, "opening %s", path) : directory;
}

/* {path}: fails when its file system holds no projects to limits. */
int quota_check(struct reader *reader, struct failure *failure)
{
    struct fs_quota_stat state = {0};
    const char *path = read_text(reader);
    if (reader->bad || path[0] != '/') return fail(failure, FAILED, "the quota request is malformed");
    int directory = open_directory(path, failure);
    if (directory < 0) return -1;
    int result = quota(directory, Q_XGETQSTAT, 0, &state);
    if (result < 0) fail_errno(failure, FAILED, "asking for the project quota of the file system of %s", path);
    close(directory);
    if (result < 0) return -1;
    return state.qs_flags & FS_QUOTA_PDQ_ENFD ? 0 : fail(failure, FAILED, "the file system of %s holds no projects to limits", path);
}

/* Has it files or limits? */
static int is_used(int directory, uint32_t project, struct failure *failure)
{
    struct if_dqblk had = {0};
    if (quota(directory, Q_GETQUOTA, project, &had) == 0) return had.dqb_bhardlimit != 0 || had.dqb_curspace != 0 || had.dqb_curinodes != 0;
    /* XFS knows none that never had anything */
    return errno == ENOENT ? 0 : fail_errno(failure, FAILED, "reading the quota of project %u", project);
}

static int set_limit(int directory, uint32_t project, uint64_t bytes, struct failure *failure)
{
    struct if_dqblk limit = {.dqb_bhardlimit = bytes / QIF_DQBLKSIZE, .dqb_valid = QIF_BLIMITS};
    /* none at all is no limit to the kernel */
    if (bytes != 0 && limit.dqb_bhardlimit == 0) limit.dqb_bhardlimit = 1;
    return quota(directory, Q_SETQUOTA, project, &limit) < 0 ? fail_errno(failure, FAILED, "limiting project %u to %llu bytes", project, (unsigned long long)bytes) : 0;
}

static int limit_open(int directory, const char *path, uint32_t project, uint64_t bytes, bool gives, struct failure *failure)
{
    struct file_attributes attributes;
    if (bytes == 0) return set_limit(directory, project, 0, failure) < 0 ? -1 : 1;
    bool has = gives && ioctl(directory, GET_FILE_ATTRIBUTES, &attributes) == 0 && attributes.project == project;
    int used = has ? 0 : is_used(directory, project, failure);
    if (used != 0) return used < 0 ? -1 : 0;
    if (set_limit(directory, project, bytes, failure) < 0) return -1;
    if (!gives || project_give_open(directory, project) == 0) return 1;
    fail_errno(failure, FAILED, "giving %s to project %u", path, project);
    struct failure ignored = {0};
    set_limit(directory, project, 0, &ignored);
    return -1;
}

/* {directory, u32 project, u64 bytes, u32 gives}: bytes 0 ends the limit; gives 0: the directory only says which file system. 1: it
 * is so; 0: something else has the project, and nothing is changed. */
int quota_limit(struct reader *reader, struct failure *failure)
{
    const char *path = read_text(reader);
    uint32_t project = read_u32(reader);
    uint64_t bytes = read_u64(reader);
    bool gives = read_u32(reader) != 0;
    if (reader->bad || path[0] != '/' || project == 0) return fail(failure, FAILED, "the limit request is malformed");
    int directory = open_directory(path, failure);
    if (directory < 0) return -1;
    int result = limit_open(directory, path, project, bytes, gives, failure);
    close(directory);
    return result;
}
