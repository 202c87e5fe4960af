/* `shareProcessNamespace`: the containers' common pid namespace needs a first process. It is not the supervisor, whose memory
 * a container with SYS_PTRACE could then write; it has default capabilities, an empty root, no descriptors, and a filter under
 * which it can only wait. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "confine.h"
#include "process.h"
#include "rootfs.h"
#include "users.h"

#define DEFAULT_CAPABILITIES UINT64_C(0xa80425fb)

static int confine_reaper(int directory, struct failure *failure)
{
    /* a procfs is of the pid namespace of who mounts it, and nobody may mount in this one once containers look on */
    if (fchdir(directory) < 0 || (mkdir("proc", 0700) < 0 && errno != EEXIST)) return fail_errno(failure, FAILED, "making proc in the sandbox's directory");
    if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) return fail_errno(failure, MOUNT_FAILED, "mounting the containers' /proc");
    if (unshare(CLONE_NEWNS) < 0) return fail_errno(failure, FAILED, "making the reaper's mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return fail_errno(failure, FAILED, "detaching the reaper's mounts");
    int here = reopen(directory, failure);
    if (here < 0) return -1;
    if (fchdir(here) < 0 || mount("tmpfs", "empty", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0k,nr_inodes=1") < 0) return fail_errno(failure, FAILED, "making the reaper's root");
    if (chdir("empty") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) return fail_errno(failure, FAILED, "entering the reaper's root");
    prctl(PR_SET_NAME, "coracle-reaper");
    if (pod.users >= 0 && users_enter(pod.users, failure) < 0) return -1;
    if (limit_capabilities(DEFAULT_CAPABILITIES, failure) < 0) return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail_errno(failure, FAILED, "setting the reaper's no_new_privs");
    return allow_only_waiting(failure);
}

static void reap_for_ever(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
        sigset_t child;
        int number;
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigwait(&child, &number);
    }
}

pid_t reaper_start(int directory, int *pidfd, struct failure *failure)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return (pid_t)fail_errno(failure, FAILED, "making a pipe");
    pid_t pid = fork_with(CLONE_NEWPID, SIGCHLD, -1);
    if (pid == 0) {
        struct failure refused = {0};
        if (confine_reaper(directory, &refused) < 0) {
            dprintf(ends[1], "%s", refused.text);
            _exit(1);
        }
        close_from(0); /* the pipe too: its end says that all went well */
        reap_for_ever();
    }
    int reason = errno;
    close(ends[1]);
    char text[800];
    ssize_t size = pid < 0 ? 0 : read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    errno = reason;
    if (pid < 0) return (pid_t)fail_errno(failure, FAILED, "starting the shared pid namespace");
    if (size > 0) return (pid_t)fail(failure, FAILED, "%.*s", (int)size, text);
    *pidfd = process_fd(pid);
    return *pidfd < 0 ? (pid_t)fail_errno(failure, FAILED, "opening the shared pid namespace") : pid;
}
