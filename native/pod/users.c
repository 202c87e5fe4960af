/* Gives up: root of the host, and its groups, by entering a namespace in which neither has a name. */
#define _GNU_SOURCE
#include "users.h"

#include <errno.h>
#include <grp.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"

int users_map(int tree, int users, const char *name, struct failure *failure)
{
    if (map_owners(tree, users) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return fail_errno(failure, MOUNT_FAILED, "mapping the owners of %s", name);
    return fail(failure, MOUNT_FAILED, "%s can't be shown in a user namespace (hostUsers: false): its file system has no id-mapped mounts on this kernel", name);
}

int users_become_root(struct failure *failure)
{
    if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) return fail_errno(failure, FAILED, "becoming root of the pod's user namespace");
    return 0;
}

int users_enter(int users, struct failure *failure)
{
    if (setns(users, CLONE_NEWUSER) < 0) return fail_errno(failure, FAILED, "entering the pod's user namespace");
    return users_become_root(failure);
}
