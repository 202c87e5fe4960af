/* A pod's user namespace, and those that belong to it. A process holds them until the pod's supervisor is there. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "../small-file.h"
#include "host.h"

static void hold(pid_t host)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != host) _exit(1); /* it ended before it could be followed */
    prctl(PR_SET_NAME, "coracle-users");
    close_from(0);
    for (;;) pause();
}

static int write_map(pid_t pid, const char *name, uint32_t first_id, struct failure *failure)
{
    char path[40], text[40];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    snprintf(text, sizeof text, "0 %u %u", first_id, POD_USERS);
    return write_small(AT_FDCWD, path, text) < 0 ? fail_errno(failure, FAILED, "mapping the pod's users to %u of the host and up", first_id) : 0;
}

static int open_spaces(struct pod_users *users, struct failure *failure)
{
    static const char *const names[USERS_COUNT] = {"user", "net", "ipc", "uts"};
    for (unsigned i = 0; i < USERS_COUNT; i++) {
        char path[40];
        snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)users->holder, names[i]);
        users->spaces[i] = open(path, O_RDONLY | O_CLOEXEC);
        if (users->spaces[i] < 0) return fail_errno(failure, FAILED, "opening the pod's %s namespace", names[i]);
    }
    return 0;
}

int users_make(struct pod_users *users, uint32_t first_id, uint64_t others, struct failure *failure)
{
    *users = (struct pod_users){0, {-1, -1, -1, -1}};
    pid_t host = getpid(), pid = fork_with(CLONE_NEWUSER | others, SIGCHLD, -1);
    if (pid == 0) hold(host);
    if (pid < 0 && errno == ENOSPC) return fail(failure, FAILED, "making a user namespace: the machine allows no more of them: raise the sysctl user.max_user_namespaces");
    if (pid < 0) return fail_errno(failure, FAILED, "making a user namespace");
    users->holder = pid;
    if (write_map(pid, "uid_map", first_id, failure) < 0 || write_map(pid, "gid_map", first_id, failure) < 0) return -1;
    return open_spaces(users, failure);
}

static int can_map(const struct pod_users *users, int tree, const char *name, struct failure *failure)
{
    int mapped = tree < 0 ? -1 : map_owners(tree, users->spaces[USERS_SPACE]), reason = errno;
    if (tree >= 0) close(tree);
    errno = reason;
    if (mapped == 0) return 0;
    if (tree < 0 || (errno != EINVAL && errno != ENOSYS)) return fail_errno(failure, FAILED, "mapping the owners of %s", name);
    return fail(failure, FAILED, "pods with user namespaces (hostUsers: false) need id-mapped mounts (on most file systems: Linux 6.3 or newer), and %s has none on this kernel", name);
}

int users_can_see(const struct pod_users *users, const char *path, struct failure *failure)
{
    if (can_map(users, open_tree_at(AT_FDCWD, path, OPEN_TREE_CLONE_FLAG), path, failure) < 0) return -1;
    return can_map(users, make_tree("tmpfs", 0), "memory (tmpfs)", failure);
}

/* {path} */
int users_check(struct reader *reader, struct failure *failure)
{
    struct pod_users users = {0};
    const char *path = read_text(reader);
    if (reader->bad || path[0] != '/') return fail(failure, FAILED, "the users request is malformed");
    int result = users_make(&users, POD_USERS, 0, failure);
    if (result == 0) result = users_can_see(&users, path, failure);
    users_release(&users);
    return result;
}

int users_join(const struct pod_users *users)
{
    for (unsigned i = USERS_NETWORK; i < USERS_COUNT; i++) {
        if (setns(users->spaces[i], 0) < 0) return -1;
    }
    return 0;
}

void users_release(struct pod_users *users)
{
    if (users->holder == 0) return;
    kill(users->holder, SIGKILL); /* our child, not reaped yet */
    for (unsigned i = 0; i < USERS_COUNT; i++) {
        if (users->spaces[i] >= 0) close(users->spaces[i]);
    }
}
