/* The end of a sandbox, or of all an instance has: kill all, wait for all, remove files, then cgroups (in that order, or dead
 * memory cgroups linger on the pages of the files). */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "../small-file.h"
#include "host.h"

#define PATIENCE_MS 20000

uint64_t start_ticks(pid_t pid)
{
    char path[40], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_small(AT_FDCWD, path, text, sizeof text) == 0) return 0;
    char *at = strrchr(text, ')'); /* the name may hold anything, blanks and brackets too */
    for (int field = 2; at != NULL && field < 22; field++) at = strchr(at + 1, ' ');
    return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

static void wait_a_little(void)
{
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
}

/* Calls `act` for `path` and every cgroup below it, children first. */
static int each_cgroup(const char *path, int (*act)(const char *, struct failure *), struct failure *failure)
{
    DIR *stream = opendir(path);
    if (stream == NULL) return errno == ENOENT ? 0 : fail_errno(failure, FAILED, "reading the cgroup %s", path);
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(stream)) != NULL;) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
        char child[4096];
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        result = each_cgroup(child, act, failure);
    }
    closedir(stream);
    return result < 0 ? -1 : act(path, failure);
}

/* Best effort: a hierarchy has the files of its own controllers only. */
void cgroup_put(const char *cgroup, const char *file, const char *value)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", cgroup, file);
    write_small(AT_FDCWD, path, value); /* what follows tells whether it was needed */
}

/* What forks faster than it is killed must fork no more, and what has used up its share of the processors must run to end:
 * a throttled fork bomb would outlive any patience. */
static int let_end(const char *path, struct failure *failure)
{
    (void)failure;
    cgroup_put(path, "pids.max", "0");
    cgroup_put(path, "cpu.cfs_quota_us", "-1");
    cgroup_put(path, "cpu.max", "max");
    cgroup_put(path, "cgroup.kill", "1"); /* v2, Linux 5.14: whoever is being forked too */
    return 0;
}

/* v2 lists a process no longer once it has begun to end, while it still holds its memory and files. v1 has no such file. */
static bool is_populated(const char *cgroup)
{
    char path[4200], text[256];
    snprintf(path, sizeof path, "%s/cgroup.events", cgroup);
    read_small(AT_FDCWD, path, text, sizeof text);
    return strstr(text, "populated 1") != NULL;
}

static unsigned alive;

static int kill_in(const char *path, struct failure *failure)
{
    char file[4200];
    snprintf(file, sizeof file, "%s/cgroup.procs", path);
    FILE *processes = fopen(file, "re");
    (void)failure;
    if (processes == NULL) return 0; /* gone meanwhile */
    for (int pid; fscanf(processes, "%d", &pid) == 1;) {
        if (pid <= 1) continue;
        alive++;
        kill((pid_t)pid, SIGKILL);
    }
    fclose(processes);
    return 0;
}

static int remove_cgroup(const char *path, struct failure *failure)
{
    for (int tries = 0; rmdir(path) < 0 && errno != ENOENT; tries++) {
        /* a process that has just ended may still be counted for a moment; v1 has no event for that */
        if (errno != EBUSY || tries >= PATIENCE_MS) return fail_errno(failure, FAILED, "removing the cgroup %s", path);
        wait_a_little();
    }
    return 0;
}

static int kill_all(const char **cgroups, struct failure *failure)
{
    for (const char **path = cgroups; *path != NULL; path++) {
        if (each_cgroup(*path, let_end, failure) < 0) return -1;
    }
    for (int tries = 0; tries < PATIENCE_MS; tries++) {
        alive = 0;
        for (const char **path = cgroups; *path != NULL; path++) {
            if (each_cgroup(*path, kill_in, failure) < 0) return -1;
            if (is_populated(*path)) alive++;
        }
        if (alive == 0) return 0;
        wait_a_little();
    }
    return fail(failure, FAILED, "processes in %s do not end", cgroups[0]);
}

static int remove_cgroups(const char **cgroups, struct failure *failure)
{
    for (const char **path = cgroups; *path != NULL; path++) {
        if (each_cgroup(*path, remove_cgroup, failure) < 0) return -1;
    }
    return 0;
}

/* The supervisor and everything else in the cgroups. `pid` 0: there is no supervisor. */
static int kill_pod(pid_t pid, uint64_t ticks, const char **cgroups, struct failure *failure)
{
    int process = pid > 1 ? process_fd(pid) : -1;
    if (pid > 1 && process < 0 && errno != ESRCH) return fail_errno(failure, FAILED, "opening process %d", (int)pid);
    bool is_ours = process >= 0 && start_ticks(pid) == ticks; /* else the pid is another's by now */
    if (is_ours) signal_fd(process, SIGKILL);
    int result = kill_all(cgroups, failure);
    struct pollfd polled = {process, POLLIN, 0};
    /* the first process of a pid namespace ends last: when it is gone, all are */
    if (result == 0 && is_ours && poll(&polled, 1, PATIENCE_MS) <= 0) result = fail(failure, FAILED, "the supervisor %d does not end", (int)pid);
    if (process >= 0) close(process);
    return result;
}

/* Killing by cgroup is safe in ours only: a wrong path here would end the machine's own processes. */
bool is_ours(const char *cgroup)
{
    return strstr(cgroup, "/coracle-") != NULL && strstr(cgroup, "..") == NULL;
}

static int only_ours(const char **cgroups, struct failure *failure)
{
    for (const char **path = cgroups; *path != NULL; path++) {
        if (!is_ours(*path)) return fail(failure, FAILED, "%s is no cgroup of ours", *path);
    }
    return 0;
}

/* {u32 supervisor's pid or 0, u64 its start time, directory or "", cgroups} */
int destroy(struct reader *reader, struct failure *failure)
{
    pid_t pid = (pid_t)read_u32(reader);
    uint64_t ticks = read_u64(reader);
    const char *directory = read_text(reader), **cgroups = read_texts(reader, NULL);
    if (reader->bad) return fail(failure, FAILED, "the destroy request is malformed");
    if (only_ours(cgroups, failure) < 0) return -1;
    if (kill_pod(pid, ticks, cgroups, failure) < 0) return -1;
    if (directory[0] != 0 && (unmount_below(directory, failure) < 0 || remove_tree(directory, failure) < 0)) return -1;
    return remove_cgroups(cgroups, failure);
}

/* {cgroups, directories, prefix of network devices, nftables table, directory below which nothing stays mounted} */
int teardown(struct reader *reader, struct failure *failure)
{
    const char **cgroups = read_texts(reader, NULL), **directories = read_texts(reader, NULL);
    const char *prefix = read_text(reader), *table = read_text(reader), *mounts = read_text(reader);
    if (reader->bad || prefix[0] == 0 || mounts[0] != '/') return fail(failure, FAILED, "the teardown request is malformed");
    if (only_ours(cgroups, failure) < 0) return -1;
    if (kill_all(cgroups, failure) < 0 || unmount_below(mounts, failure) < 0) return -1;
    for (const char **path = directories; *path != NULL; path++) {
        if (unmount_below(*path, failure) < 0 || remove_tree(*path, failure) < 0) return -1;
    }
    if (remove_cgroups(cgroups, failure) < 0 || network_delete(prefix, failure) < 0) return -1;
    return masquerade_delete(table, failure);
}
