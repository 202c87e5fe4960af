/*
 * Tries, from inside a container, what a container must not be able to do, and says how the kernel answered. By call and not by
 * tool: a tool may be missing, or fail for another reason than the one that counts. Driven by test/e2e/denials.test.ts and
 * test/runtime/races.test.ts. Where an attempt could change the machine if it were let through, its arguments are such that the
 * kernel refuses them after it has looked at who asks: EINVAL instead of EPERM says that it was let through.
 *
 *   attempts calls                    every call of the table below, one a line: "mount EPERM", "mount ok"
 *   attempts process <pid>            signalling, tracing, reading and holding that process
 *   attempts connect <port> <name>    TCP to the loopback's port, and the abstract Unix socket
 *   attempts leave-root <path>...     whether each path is there once it has climbed out of a chroot of its own
 *   attempts write-program <path>     how a program's file can be opened for writing, and which seals it has
 *   attempts leave-project <path>     taking a file or directory out of the project by which its file system limits it, in all ways
 *   attempts linger                   leaves a process that is nobody's child, of no session, and takes no signal
 *   attempts exchange <path> <path>   makes two files change places until it is killed
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../project.h"

static const char *answer(long result)
{
    static char other[32];
    if (result >= 0) return "ok";
    switch (errno) {
    case EPERM: return "EPERM";
    case EACCES: return "EACCES";
    case ESRCH: return "ESRCH";
    case ENOENT: return "ENOENT";
    case ENOSYS: return "ENOSYS";
    case ETXTBSY: return "ETXTBSY";
    case EROFS: return "EROFS";
    case ECONNREFUSED: return "ECONNREFUSED";
    default: snprintf(other, sizeof other, "errno %d", errno); return other;
    }
}

static long try_mount(void) { return mount("none", "/tmp", "tmpfs", 0, NULL); }
static long try_unmount(void) { return umount2("/tmp", 0); }
static long try_open_tree(void) { return syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */); }
static long try_fsopen(void) { return syscall(SYS_fsopen, "tmpfs", 0); }
static long try_pivot_root(void) { return syscall(SYS_pivot_root, "/tmp", "/tmp"); }
static long try_mount_namespace(void) { return unshare(CLONE_NEWNS); }
static long try_user_namespace(void) { return unshare(CLONE_NEWUSER); }
static long try_setns(void) { return setns(open("/proc/self/ns/uts", O_RDONLY), 0); }
static long try_init_module(void) { return syscall(SYS_init_module, "no module", 9, ""); }
static long try_finit_module(void) { return syscall(SYS_finit_module, open("/proc/self/exe", O_RDONLY), "", 0); }
static long try_delete_module(void) { return syscall(SYS_delete_module, "nonesuch", O_NONBLOCK); }
static long try_kexec(void) { return syscall(SYS_kexec_load, 0, 17, NULL, ~0UL); }
static long try_reboot(void) { return syscall(SYS_reboot, 0, 0, 0, NULL); }
static long try_swapon(void) { return syscall(SYS_swapon, "/nonesuch", 0); }
static long try_acct(void) { return syscall(SYS_acct, "/nonesuch"); }
static long try_open_by_handle(void)
{
    struct { unsigned bytes; int type; unsigned char handle[8]; } file = {.bytes = 8, .type = 1, .handle = {2}};
    return syscall(SYS_open_by_handle_at, AT_FDCWD, &file, O_RDONLY);
}
static long try_bpf(void) { return syscall(SYS_bpf, 0xffff, NULL, 0); }
static long try_perf(void) { return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0); }
static long try_userfaultfd(void) { return syscall(SYS_userfaultfd, ~0); }
static long try_io_uring(void) { return syscall(SYS_io_uring_setup, 0, NULL); }
static long try_keyctl(void) { return syscall(SYS_keyctl, 0, -3, 0); }
static long try_add_key(void) { return syscall(SYS_add_key, "user", "x", "x", 1, -3); }
static long try_invalid_time(void)
{
    struct timespec none = {0, -1};
    return syscall(SYS_clock_settime, CLOCK_REALTIME, &none);
}
static long try_present_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return syscall(SYS_clock_settime, CLOCK_REALTIME, &now);
}
static long try_hostname(void) { return sethostname("x", (size_t)-1 >> 1); }

static const struct call {
    const char *name;
    long (*attempt)(void);
} calls[] = {
    {"mount", try_mount}, {"umount", try_unmount}, {"open_tree", try_open_tree}, {"fsopen", try_fsopen}, {"pivot_root", try_pivot_root},
    {"unshare-mount", try_mount_namespace}, {"unshare-user", try_user_namespace}, {"setns", try_setns}, {"init_module", try_init_module},
    {"finit_module", try_finit_module}, {"delete_module", try_delete_module}, {"kexec_load", try_kexec}, {"reboot", try_reboot}, {"swapon", try_swapon},
    {"acct", try_acct}, {"open_by_handle_at", try_open_by_handle}, {"bpf", try_bpf}, {"perf_event_open", try_perf}, {"userfaultfd", try_userfaultfd},
    {"io_uring_setup", try_io_uring}, {"keyctl", try_keyctl}, {"add_key", try_add_key}, {"clock_settime-invalid", try_invalid_time},
    {"clock_settime", try_present_time}, {"sethostname", try_hostname},
};

/* Each in a process of its own, so that none begins where another has led. */
static void in_child(const char *name, long (*attempt)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        printf("%s ", name);
        puts(answer(attempt()));
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void look_at_process(pid_t pid)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)(size_t)0x1000, 1};
    printf("kill %s\n", answer(kill(pid, 0)));
    printf("pidfd_open %s\n", answer(syscall(SYS_pidfd_open, pid, 0)));
    long read = process_vm_readv(pid, &here, 1, &there, 1, 0);
    /* what is mapped there is its own affair: that it was looked up says that it was allowed */
    printf("process_vm_readv %s\n", read < 0 && errno == EFAULT ? "ok" : answer(read));
    /* the process is let go as this one ends */
    printf("ptrace %s\n", answer(ptrace(PTRACE_SEIZE, pid, NULL, NULL)));
}

static void try_connect(int port, const char *name)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un abstract = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    memcpy(abstract.sun_path + 1, name, length);
    printf("loopback %s\n", answer(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&loopback, sizeof loopback)));
    printf("abstract %s\n", answer(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&abstract, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length))));
}

/* The root of a chroot holds nobody who stands outside of it. */
static int leave_root(int count, char **paths)
{
    struct stat status;
    if ((mkdir("/tmp/cage", 0700) < 0 && errno != EEXIST) || chroot("/tmp/cage") < 0) return 1;
    for (int step = 0; step < 64; step++) {
        if (chdir("..") < 0) return 1;
    }
    if (chroot(".") < 0) return 1;
    for (int index = 0; index < count; index++) printf("%s %s\n", paths[index], answer(stat(paths[index], &status)));
    return 0;
}

static void write_program(const char *path)
{
    char again[64];
    printf("write %s\n", answer(open(path, O_WRONLY)));
    int fd = open(path, O_RDONLY);
    printf("read %s\n", answer(fd));
    if (fd < 0) return;
    snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
    printf("write-again %s\n", answer(open(again, O_RDWR)));
    printf("seals %d\n", fcntl(fd, F_GET_SEALS));
}

static void leave_project(const char *path)
{
    static const uint64_t upper_half = UINT64_C(1) << 40; /* the kernel looks at the lower one only */
    struct file_attributes attributes;
    int fd = open(path, O_RDONLY), flags = 0;
    printf("project %s\n", answer(ioctl(fd, GET_FILE_ATTRIBUTES, &attributes)));
    attributes.project = 0;
    printf("set-attributes %s\n", answer(syscall(SYS_ioctl, fd, SET_FILE_ATTRIBUTES, &attributes)));
    printf("set-attributes-again %s\n", answer(syscall(SYS_ioctl, fd, SET_FILE_ATTRIBUTES + upper_half, &attributes)));
    printf("get-flags %s\n", answer(ioctl(fd, _IOR('f', 1, long), &flags)));
    flags &= ~0x20000000; /* what is made in the directory is of its project */
    printf("set-flags %s\n", answer(ioctl(fd, _IOW('f', 2, long), &flags)));
    printf("file_setattr %s\n", answer(syscall(469, fd, "", NULL, 0, 0)));
}

static int linger(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_PDEATHSIG, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_DUMPABLE, 0);
    for (int generation = 0; generation < 2; generation++) {
        pid_t child = fork();
        if (child < 0) return 1;
        if (child > 0 && generation == 0) return 0;
        if (child > 0) _exit(0);
        setsid();
        prctl(PR_SET_PDEATHSIG, 0);
    }
    for (int fd = 0; fd < 64; fd++) close(fd);
    for (;;) pause();
}

static int exchange(const char *one, const char *other)
{
    for (;;) {
        if (syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */) < 0) {
            perror("exchange");
            return 1;
        }
    }
}

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";
    if (strcmp(what, "calls") == 0) {
        for (size_t index = 0; index < sizeof calls / sizeof *calls; index++) in_child(calls[index].name, calls[index].attempt);
        return 0;
    }
    if (strcmp(what, "process") == 0 && count == 3) return look_at_process(atoi(arguments[2])), 0;
    if (strcmp(what, "connect") == 0 && count == 4) return try_connect(atoi(arguments[2]), arguments[3]), 0;
    if (strcmp(what, "leave-root") == 0) return leave_root(count - 2, arguments + 2);
    if (strcmp(what, "write-program") == 0 && count == 3) return write_program(arguments[2]), 0;
    if (strcmp(what, "leave-project") == 0 && count == 3) return leave_project(arguments[2]), 0;
    if (strcmp(what, "linger") == 0) return linger();
    if (strcmp(what, "exchange") == 0 && count == 4) return exchange(arguments[2], arguments[3]);
    return 2;
}
