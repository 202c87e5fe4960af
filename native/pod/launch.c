#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "confine.h"
#include "rootfs.h"
#include "zygote.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif
#define DEVPTS_MAGIC 0x1cd1

static void report_failure(int status, const struct failure *failure)
{
    struct status message = {.kind = STATUS_FAILED, .code = failure->code};
    snprintf(message.text, sizeof message.text, "%s", failure->text);
    send_packet(status, &message, sizeof message, NULL, 0);
    _exit(255);
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
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", slave);
    int target = open("/dev/console", O_CREAT | O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
    if (target < 0 && errno != ENXIO && errno != ENODEV) return fail_errno(failure, FAILED, "making /dev/console");
    if (target >= 0) close(target);
    return mount(path, "/dev/console", NULL, MS_BIND, NULL) < 0 ? fail_errno(failure, FAILED, "binding the terminal to /dev/console") : 0;
}

static int take_streams(const int *fds, int slave, uint32_t uid, struct failure *failure)
{
    if (slave >= 0) {
        if (fchown(slave, uid, (gid_t)-1) < 0) return fail_errno(failure, FAILED, "giving the terminal to user %u", uid);
        if (ioctl(slave, TIOCSCTTY, 0) < 0) return fail_errno(failure, FAILED, "taking the terminal");
    }
    for (int stream = 0; stream < 3; stream++) {
        if (dup2(slave >= 0 ? slave : fds[FD_IN + stream], stream) < 0) return fail_errno(failure, FAILED, "setting standard stream %d", stream);
    }
    return 0;
}

static void reset_signals(void)
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

static void run_command(const char **args, const char **env, int status, struct failure *failure)
{
    char path[PATH_MAX];
    if (find_command(args[0], env, path, failure) < 0) return;
    struct status ready = {.kind = STATUS_READY};
    if (send_packet(status, &ready, offsetof(struct status, text), NULL, 0) < 0) return;
    execve(path, (char *const *)(uintptr_t)args, (char *const *)(uintptr_t)env);
    uint32_t code = errno == ENOENT ? COMMAND_NOT_FOUND : errno == EACCES || errno == ENOEXEC ? COMMAND_NOT_EXECUTABLE : FAILED;
    fail(failure, code, "exec %s: %s", args[0], errno == ENOENT ? "no such file or directory" : errno == ENOEXEC ? "exec format error" : strerror(errno));
}

/*
 * From here on paths are the user's, and /proc/self/fd would lead them to whatever is still open: the host's directories, by
 * which a working directory or a command could leave the container. Only the status socket stays, until exec.
 */
static void close_all_but(int status)
{
    fcntl(status, F_SETFD, FD_CLOEXEC);
    if (status > 3) syscall(SYS_close_range, 3, (unsigned)status - 1, 0);
    close_from((unsigned)status + 1);
}

/* The process is not dumpable until exec. */
static int finish(const struct spec *spec, struct failure *failure)
{
    umask(0022);
    return confine(spec, failure);
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

static int prepare_container(const struct spec *spec, const int *fds, bool tty, struct failure *failure)
{
    int slave = -1;
    setsid();
    if (set_oom_score(spec->oom_score_adj, failure) < 0) return -1;
    if (rootfs_enter(spec, fds[FD_DIRECTORY], fds[FD_SANDBOX], failure) < 0) return -1;
    if (tty && ((slave = open_terminal(fds[FD_STATUS], failure)) < 0 || bind_console(slave, failure) < 0)) return -1;
    if (take_streams(fds, slave, spec->uid, failure) < 0) return -1;
    close_all_but(fds[FD_STATUS]);
    if (enter_directory(spec->working_dir, true, failure) < 0 || rootfs_protect(spec, failure) < 0) return -1;
    return finish(spec, failure);
}

void launch_container(const struct spec *spec, const int *fds, bool tty)
{
    struct failure failure = {0};
    reset_signals();
    if (prepare_container(spec, fds, tty, &failure) == 0) run_command(spec->args, spec->env, fds[FD_STATUS], &failure);
    report_failure(fds[FD_STATUS], &failure);
    _exit(255);
}

static int prepare_exec(const struct spec *spec, const int *fds, bool tty, struct failure *failure)
{
    int slave = -1;
    setsid();
    if (tty && (slave = open_terminal(fds[FD_STATUS], failure)) < 0) return -1;
    if (take_streams(fds, slave, spec->uid, failure) < 0) return -1;
    close_all_but(fds[FD_STATUS]);
    if (enter_directory(spec->working_dir, false, failure) < 0) return -1;
    return finish(spec, failure);
}

void launch_exec(const struct spec *spec, const char **args, const int *fds, bool tty)
{
    struct failure failure = {0};
    reset_signals();
    if (prepare_exec(spec, fds, tty, &failure) == 0) run_command(args, spec->env, fds[FD_STATUS], &failure);
    report_failure(fds[FD_STATUS], &failure);
    _exit(255);
}
