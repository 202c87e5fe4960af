#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "confine.h"
#include "rootfs.h"
#include "users.h"
#include "zygote.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif
#define DEVPTS_MAGIC 0x1cd1

/* Where the two channels are once everything else is closed. */
enum { STATUS = 3, FAULT = 4 };

struct launch {
    const struct spec *spec;
    const int *fds;
    const struct stage *stage;
    bool tty;
    int report; /* where a failure goes to: the socket, or, once that is closed, the pipe */
    pid_t *born;
    uint64_t pass;
};

static void report_failure(int report, const struct failure *failure)
{
    struct status message = {.kind = STATUS_FAILED, .code = failure->code};
    snprintf(message.text, sizeof message.text, "%s", failure->text);
    ssize_t written = write(report, &message, sizeof message);
    _exit(written < 0 ? 254 : 255);
}

/* A terminal from the container's own devpts; checked to be one, because its /dev is the image's and the user's to change. */
static int open_terminal(int status, struct failure *failure)
{
    int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), unlock = 0;
    struct statfs filesystem;
    struct stat node;
    if (master < 0 || fstatfs(master, &filesystem) < 0 || fstat(master, &node) < 0) return fail_errno(failure, FAILED, "opening a terminal at /dev/pts/ptmx");
    if (filesystem.f_type != DEVPTS_MAGIC || !S_ISCHR(node.st_mode) || node.st_rdev != makedev(5, 2)) return fail(failure, FAILED, "/dev/pts/ptmx is not a terminal multiplexer");
    if (ioctl(master, TIOCSPTLCK, &unlock) < 0) return fail_errno(failure, FAILED, "unlocking the terminal");
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) return fail_errno(failure, FAILED, "opening the terminal's other side");
    struct status message = {.kind = STATUS_TERMINAL};
    if (send_packet(status, &message, sizeof message, &master, 1) < 0) return fail_errno(failure, FAILED, "handing over the terminal");
    close(master);
    return slave;
}

static int bind_console(int slave, struct failure *failure)
{
    int target = open("/dev/console", O_CREAT | O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
    if (target < 0 && errno != ENXIO && errno != ENODEV) return fail_errno(failure, FAILED, "making /dev/console");
    if (target >= 0) close(target);
    int tree = copy_tree(slave, "", false);
    if (tree < 0) return fail_errno(failure, FAILED, "copying the terminal's mount");
    if ((target = open("/dev/console", O_PATH | O_NOFOLLOW | O_CLOEXEC)) < 0) fail_errno(failure, FAILED, "opening /dev/console");
    return attach_tree(tree, target, "/dev/console", failure);
}

/* The given one is the machine's: through /proc/self/fd its mode and owner would be the container's to change. Where a volume
 * hides the container's own, an empty pipe reads the same. */
static int open_null(void)
{
    struct stat status;
    int ends[2], null = open("/dev/null", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (null >= 0 && fstat(null, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3) && fcntl(null, F_SETFL, 0) == 0) return null;
    return pipe2(ends, O_CLOEXEC) < 0 || close(ends[1]) < 0 ? -1 : ends[0];
}

/* /dev/stdout is opened by its name too: by the user that the process runs as. */
static int give_streams(const struct launch *launch, struct failure *failure)
{
    uid_t owner = launch->spec->first_id + launch->spec->uid;
    for (int stream = 0; stream < 3; stream++) {
        struct stat status;
        int fd = launch->fds[FD_IN + stream];
        if (fstat(fd, &status) < 0 || (S_ISFIFO(status.st_mode) && fchown(fd, owner, (gid_t)-1) < 0)) return fail_errno(failure, FAILED, "giving standard stream %d to user %u", stream, launch->spec->uid);
    }
    return 0;
}

static int take_streams(const int *fds, int slave, uint32_t uid, struct failure *failure)
{
    if (slave >= 0 && fchown(slave, uid, (gid_t)-1) < 0) return fail_errno(failure, FAILED, "giving the terminal to user %u", uid);
    for (int stream = 0; stream < 3; stream++) {
        struct stat status;
        int from = slave >= 0 ? slave : fds[FD_IN + stream];
        if (slave < 0 && fstat(from, &status) == 0 && S_ISCHR(status.st_mode)) from = open_null();
        if (from < 0 || dup2(from, stream) < 0) return fail_errno(failure, FAILED, "setting standard stream %d", stream);
    }
    return 0;
}

/* The process that will run the command must do this itself. */
static int lead_session(const struct launch *launch, struct failure *failure)
{
    if (passed_call(SYS_setsid, launch->pass, 0, 0, 0) < 0) return fail_errno(failure, FAILED, "making a session");
    if (launch->tty && passed_call(SYS_ioctl, launch->pass, 0, TIOCSCTTY, 0) < 0) return fail_errno(failure, FAILED, "taking the terminal");
    return 0;
}

void reset_signals(void)
{
    sigset_t none;
    signal(SIGPIPE, SIG_DFL); /* the only one that the supervisor changes */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static const char *variable(const char *const *env, const char *name)
{
    size_t length = strlen(name);
    for (; *env != NULL; env++) {
        if (strncmp(*env, name, length) == 0 && (*env)[length] == '=') return *env + length + 1;
    }
    return NULL;
}

static int executable(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0) return -1;
    if (S_ISDIR(status.st_mode)) errno = EISDIR;
    else if (access(path, X_OK) == 0) return 0;
    return -1;
}

/* Where args[0] is: as it stands when it has a slash, else along the container's PATH. Messages are those users know. */
static int find_command(const char *name, const char **env, char *path, struct failure *failure)
{
    if (strchr(name, '/') != NULL) {
        snprintf(path, PATH_MAX, "%s", name);
        if (executable(path) == 0) return 0;
        if (errno == ENOENT || errno == ENOTDIR) return fail(failure, COMMAND_NOT_FOUND, "exec: \"%s\": stat %s: %s", name, name, errno == ENOENT ? "no such file or directory" : "not a directory");
        return fail(failure, COMMAND_NOT_EXECUTABLE, "exec: \"%s\": %s", name, errno == EISDIR ? "is a directory" : "permission denied");
    }
    const char *search = variable(env, "PATH");
    if (search == NULL) search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    bool refused = false;
    while (name[0] != 0 && *search != 0) {
        size_t size = strcspn(search, ":");
        snprintf(path, PATH_MAX, "%.*s/%s", size == 0 ? 1 : (int)size, size == 0 ? "." : search, name);
        if (executable(path) == 0) return 0;
        refused = refused || errno == EACCES;
        search += size;
        if (*search == ':') search++;
    }
    if (refused) return fail(failure, COMMAND_NOT_EXECUTABLE, "exec: \"%s\": permission denied", name);
    return fail(failure, COMMAND_NOT_FOUND, "exec: \"%s\": executable file not found in $PATH", name);
}

/*
 * The first moment at which the container's processes see anything of this: what is born has the container's root, streams,
 * ids, capabilities and filter, and of ours only the pipe. A socket would not do: by SO_PEERPIDFD it leads to the supervisor,
 * and from there, with SYS_PTRACE, pidfd_getfd to its descriptors.
 */
static int give_birth(const struct launch *launch, struct failure *failure)
{
    long pid = passed_call(SYS_clone, launch->pass, CLONE_PARENT | CLONE_PARENT_SETTID, 0, (long)(uintptr_t)launch->born);
    if (pid < 0) return fail_errno(failure, FAILED, "starting a process in the container");
    if (pid == 0) return lead_session(launch, failure);
    passed_call(SYS_exit_group, launch->pass, 0, 0, 0);
    __builtin_trap();
}

static void run_command(struct launch *launch, const char **args, struct failure *failure)
{
    char path[PATH_MAX];
    const char **env = launch->spec->env;
    if (find_command(args[0], env, path, failure) < 0) return;
    struct status ready = {.kind = STATUS_READY};
    if (send_packet(STATUS, &ready, offsetof(struct status, text), NULL, 0) < 0 || close(STATUS) < 0) _exit(255);
    launch->report = FAULT;
    if (launch->born != NULL && give_birth(launch, failure) < 0) return;
    execve(path, (char *const *)(uintptr_t)args, (char *const *)(uintptr_t)env);
    uint32_t code = errno == ENOENT ? COMMAND_NOT_FOUND : errno == EACCES || errno == ENOEXEC ? COMMAND_NOT_EXECUTABLE : FAILED;
    fail(failure, code, "exec %s: %s", args[0], errno == ENOENT ? "no such file or directory" : errno == ENOEXEC ? "exec format error" : strerror(errno));
}

/*
 * From here on paths are the user's, and /proc/self/fd would lead them to whatever is still open: the host's directories, by
 * which a working directory or a command could leave the container. Only the two channels stay, until exec.
 */
static int close_others(struct launch *launch, struct failure *failure)
{
    /* the zygote's own socket is 3, and its frame, which came first, is 4 or above */
    if (dup3(launch->fds[FD_STATUS], STATUS, O_CLOEXEC) < 0 || dup3(launch->fds[FD_FAULT], FAULT, O_CLOEXEC) < 0) return fail_errno(failure, FAILED, "keeping the channels to the supervisor");
    launch->report = STATUS;
    return close_from(FAULT + 1) < 0 ? fail_errno(failure, FAILED, "closing what is the machine's") : 0;
}

/* Joins `namespaces` of FD_PIDS; the pid namespace is entered by what is born only. */
static int join(struct launch *launch, int namespaces, struct failure *failure)
{
    /* the memory where the pid goes is ours, and not of who is born: it could be made to write another there */
    long page = sysconf(_SC_PAGESIZE);
    if (madvise(launch->born, (size_t)page, MADV_DONTFORK) < 0 || getrandom(&launch->pass, sizeof launch->pass, 0) != sizeof launch->pass) return fail_errno(failure, FAILED, "preparing a process for the container");
    launch->pass |= UINT64_C(1) << 63; /* never 0, nor what a 32-bit call could say */
    if (setns(launch->fds[FD_PIDS], CLONE_NEWPID | namespaces) < 0) return fail_errno(failure, FAILED, "entering the container's namespaces");
    return 0;
}

/* The process is not dumpable until exec. */
static int finish(const struct launch *launch, struct failure *failure)
{
    umask(0022);
    if (launch->born == NULL && lead_session(launch, failure) < 0) return -1;
    return confine(launch->spec, launch->pass, failure);
}

static int enter_directory(const char *path, bool make, struct failure *failure)
{
    if (path[0] == 0) path = "/";
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int directory = open_in(root, path, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (directory < 0 && errno == ENOENT && make) directory = open_target(root, path, true, failure);
    int result = directory < 0 ? -1 : fchdir(directory);
    if (result < 0 && failure->code == 0) fail_errno(failure, FAILED, "entering the working directory %s", path);
    if (directory >= 0) close(directory);
    close(root);
    return result;
}

/* The score may only be raised without CAP_SYS_RESOURCE; a lower one than ours is left out, as the node's warning says. */
int set_oom_score(int score, struct failure *failure)
{
    char text[16];
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(failure, FAILED, "opening /proc/self/oom_score_adj");
    int length = snprintf(text, sizeof text, "%d", score);
    ssize_t written = write(fd, text, (size_t)length);
    close(fd);
    return written < 0 && errno != EACCES ? fail_errno(failure, FAILED, "setting oom_score_adj to %d", score) : 0;
}

static int prepare_container(struct launch *launch, struct failure *failure)
{
    const struct spec *spec = launch->spec;
    const int *fds = launch->fds;
    int slave = -1;
    if (launch->born != NULL && join(launch, 0, failure) < 0) return -1;
    if (set_oom_score(spec->oom_score_adj, failure) < 0 || give_streams(launch, failure) < 0) return -1;
    if (rootfs_enter(spec, fds, launch->stage, failure) < 0) return -1;
    if (launch->tty && ((slave = open_terminal(fds[FD_STATUS], failure)) < 0 || bind_console(slave, failure) < 0)) return -1;
    if (take_streams(fds, slave, spec->uid, failure) < 0 || close_others(launch, failure) < 0) return -1;
    if (enter_directory(spec->working_dir, true, failure) < 0 || rootfs_seal(spec, failure) < 0) return -1;
    return finish(launch, failure);
}

void launch_container(const struct spec *spec, const int *fds, const struct stage *stage, bool tty, pid_t *born)
{
    struct failure failure = {0};
    struct launch launch = {.spec = spec, .fds = fds, .stage = stage, .tty = tty, .report = fds[FD_STATUS], .born = born};
    reset_signals();
    if (prepare_container(&launch, &failure) == 0) run_command(&launch, spec->args, &failure);
    report_failure(launch.report, &failure);
    _exit(255);
}

static int prepare_exec(struct launch *launch, struct failure *failure)
{
    int slave = -1;
    bool users = launch->spec->first_id != 0;
    if (give_streams(launch, failure) < 0 || join(launch, CLONE_NEWNS | CLONE_NEWCGROUP | (users ? CLONE_NEWUSER : 0), failure) < 0) return -1;
    if (users && users_become_root(failure) < 0) return -1;
    if (launch->tty && (slave = open_terminal(launch->fds[FD_STATUS], failure)) < 0) return -1;
    if (take_streams(launch->fds, slave, launch->spec->uid, failure) < 0 || close_others(launch, failure) < 0) return -1;
    if (enter_directory(launch->spec->working_dir, false, failure) < 0) return -1;
    return finish(launch, failure);
}

void launch_exec(const struct spec *spec, const char **args, const int *fds, bool tty, pid_t *born)
{
    struct failure failure = {0};
    struct launch launch = {.spec = spec, .fds = fds, .tty = tty, .report = fds[FD_STATUS], .born = born};
    reset_signals();
    if (prepare_exec(&launch, &failure) == 0) run_command(&launch, args, &failure);
    report_failure(launch.report, &failure);
    _exit(255);
}
