/* Cgroups above those of the pods' supervisors: made, and given what their files are to say. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../protocol.h"
#include "../small-file.h"
#include "host.h"

/* Where v2 is mounted; above it there is nothing to enable. */
#define CGROUPS "/sys/fs/cgroup"

/* Moves what is in the cgroup itself into its leaf; how many processes that were. */
static int move_down(const char *cgroup)
{
    char path[4200], pid[16];
    int count = 0;
    snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
    FILE *processes = fopen(path, "re");
    snprintf(path, sizeof path, "%s/init/cgroup.procs", cgroup);
    int leaf = open(path, O_WRONLY | O_CLOEXEC);
    for (; processes != NULL && leaf >= 0 && fgets(pid, sizeof pid, processes) != NULL; count++) {
        if (write(leaf, pid, strlen(pid)) < 0 && errno != ESRCH) perror(path);
    }
    if (leaf >= 0) close(leaf);
    if (processes != NULL) fclose(processes);
    return count;
}

/* A container's own root is a cgroup like any other: while it holds processes it hands memory to no child, and with the other
 * controllers no child is of any use (cgroups(7), "no internal processes" and "thread mode"). They move down into a leaf, as inits
 * of containers do it. The machine's real root, which alone has no cgroup.type, may hold what it likes. */
static void vacate(const char *root)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/cgroup.type", root);
    if (access(path, F_OK) < 0) return;
    snprintf(path, sizeof path, "%s/init", root);
    if (mkdir(path, 0755) < 0 && errno != EEXIST) return perror(path);
    for (int tries = 0; tries < 8 && move_down(root) > 0; tries++) {} /* they may fork meanwhile */
}

static void enable_controllers(const char *directory, const char *controllers)
{
    char path[4200], change[80];
    if (strcmp(directory, CGROUPS) == 0) vacate(directory);
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", directory);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    for (const char *at = controllers; *at != 0;) {
        size_t length = strcspn(at, ",");
        snprintf(change, sizeof change, "+%.*s", (int)length, at);
        /* one by one: a machine without a controller still gets the others, and the node's condition names the missing one */
        if (write(fd, change, strlen(change)) < 0 && errno != ENOENT && errno != EINVAL) perror(path);
        at += length + (at[length] == ',');
    }
    close(fd);
}

/* v1: nothing can be put into a new cgroup before it is told which processors and which memory it has. From here on down it is
 * born with its parent's. */
static void inherit_processors(const char *cgroup)
{
    static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
    char path[4200], text[4096];
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", cgroup, files[i]);
        if (read_small(AT_FDCWD, path, text, sizeof text) > 1) continue;
        snprintf(path, sizeof path, "%s/../%s", cgroup, files[i]);
        read_small(AT_FDCWD, path, text, sizeof text);
        cgroup_put(cgroup, files[i], text);
    }
    cgroup_put(cgroup, "cgroup.clone_children", "1");
}

int cgroup_make(const char *cgroup, const char *controllers, bool v2, struct failure *failure)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", cgroup);
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != 0) continue;
        char end = *at;
        *at = 0;
        bool made = mkdir(path, 0755) == 0;
        if (!made && errno != EEXIST) return fail_errno(failure, FAILED, "making the cgroup %s", path);
        if (v2 && strncmp(path, CGROUPS, strlen(CGROUPS)) == 0) enable_controllers(path, controllers);
        if (made && !v2 && strstr(controllers, "cpuset") != NULL) inherit_processors(path);
        if (end == 0) return 0;
        *at = end;
    }
}

static int write_file(const char *cgroup, const char *name, const char *value, struct failure *failure)
{
    char path[4200];
    if (strchr(name, '/') != NULL) return fail(failure, FAILED, "'%s' is no file of a cgroup", name);
    snprintf(path, sizeof path, "%s/%s", cgroup, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? 0 : fail_errno(failure, FAILED, "opening %s", path); /* a kernel without swap, say */
    ssize_t written = write(fd, value, strlen(value));
    int reason = errno;
    close(fd);
    errno = reason;
    return written < 0 ? fail_errno(failure, FAILED, "writing %s to %s", value, path) : 0;
}

static int arrange(struct reader *reader, bool v2, struct failure *refused, struct failure *failure)
{
    const char *controllers = read_text(reader), *path = read_text(reader);
    uint32_t files = read_count(reader, 10);
    if (reader->bad) return fail(failure, FAILED, "the request for cgroups is malformed");
    if (!is_ours(path)) return fail(failure, FAILED, "%s is no cgroup of ours", path);
    if (cgroup_make(path, controllers, v2, failure) < 0) return -1;
    for (uint32_t i = 0; i < files; i++) {
        const char *name = read_text(reader), *value = read_text(reader);
        if (reader->bad) return fail(failure, FAILED, "the request for cgroups is malformed");
        write_file(path, name, value, refused);
    }
    return 0;
}

/* {u32 version, cgroups: [{controllers "cpu,cpuacct", path, files: [{name, value}]}]}; outer ones first. What one file refuses keeps nothing from the others. */
int cgroups_arrange(struct reader *reader, struct failure *failure)
{
    struct failure refused = {0};
    uint32_t version = read_u32(reader), count = read_count(reader, 14);
    for (uint32_t i = 0; i < count; i++) {
        if (arrange(reader, version == 2, &refused, failure) < 0) return -1;
    }
    if (reader->bad) return fail(failure, FAILED, "the request for cgroups is malformed");
    if (refused.code == 0) return 0;
    *failure = refused;
    return -1;
}
