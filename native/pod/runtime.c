/*
 * Holds: root, in a copy of the host's mount namespace, in the pod's network, IPC and UTS namespaces and its outer pid namespace.
 * Gives up nothing: the runtime that it becomes needs all of it, and confines the container itself.
 *
 * The runtime is told to detach. It ends once the container runs, and leaves the container's first process to its parent, the
 * supervisor: from there on it is a process like those that we start ourselves. It works in the supervisor's cgroup, so that the
 * container's is the container's alone.
 */
#define _GNU_SOURCE
#include "runtime.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "../small-file.h"
#include "cgroup.h"
#include "launch.h"
#include "process.h"
#include "rootfs.h"
#include "zygote.h"

/* Less than the agent waits for an answer. */
#define PATIENCE_MS 50000
#define CGROUPS "/sys/fs/cgroup"
/* What the runtime leaves in the container's directory: who it has started, and what it says. */
#define PID_FILE "pid"
#define LOG_FILE "runtime.log"
#define CONSOLE "console.sock"

/* The container's, from its start on. */
static int directory = -1;

struct call {
    const struct spec *spec;
    const char **args; /* of an exec; NULL: the container is started */
    const int *fds;
    bool tty;
};

static int write_config(const struct spec *spec, struct failure *failure)
{
    char cgroup[300];
    cgroup_own_path(0, cgroup, sizeof cgroup);
    const char *name = strrchr(cgroup, '/') + 1;
    int fd = openat(directory, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL) return fail_errno(failure, FAILED, "making the container's config.json");
    for (const char **part = spec->config; *part != NULL; part++) fprintf(file, "%s%s", part == spec->config ? "" : name, *part);
    return fclose(file) != 0 ? fail_errno(failure, FAILED, "writing the container's config.json") : 0;
}

/* A procfs of the pid namespace that the runtime is in: by the host's it would take others' processes for its own. */
static int mount_proc(struct failure *failure)
{
    int tree = make_tree("proc", MOUNT_NO_SUID | MOUNT_NO_DEV | MOUNT_NO_EXEC);
    if (tree < 0) return fail_errno(failure, MOUNT_FAILED, "making the runtime's /proc");
    return attach_tree(tree, open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), "/proc", failure);
}

/* v1: a runtime makes the container's cgroup in every hierarchy that it sees. It sees those that have ours already, and the one
 * of devices, which it insists on. */
static int hide_cgroups(struct failure *failure)
{
    if (cgroup_is_v2()) return 0;
    DIR *mounts = opendir(CGROUPS);
    if (mounts == NULL) return fail_errno(failure, FAILED, "reading " CGROUPS);
    for (struct dirent *entry; (entry = readdir(mounts)) != NULL;) {
        char path[300];
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || strcmp(entry->d_name, "devices") == 0 || cgroup_is_mounted_at(entry->d_name)) continue;
        snprintf(path, sizeof path, CGROUPS "/%s", entry->d_name);
        if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL) {
            closedir(mounts);
            return fail_errno(failure, MOUNT_FAILED, "detaching %s", path);
        }
    }
    closedir(mounts);
    return 0;
}

/* Of a process known by its pidfd, under a name that the configuration can give. */
static int bind_pid_namespace(int pidfd, int bundle, struct failure *failure)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)process_pid(pidfd));
    int tree = copy_tree(AT_FDCWD, path, false);
    if (tree < 0) return fail_errno(failure, FAILED, "opening the pid namespace %s", path);
    return attach_tree(tree, open_target(bundle, "pids", false, failure), "pids", failure);
}

static int attach_volumes(const struct spec *spec, int bundle, const int *volumes, struct failure *failure)
{
    int target = open_target(bundle, "volumes", true, failure);
    if (target < 0) return -1;
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        struct stat status;
        char name[16];
        snprintf(name, sizeof name, "%u", i);
        if (volumes[i] < 0) continue;
        if (fstat(volumes[i], &status) < 0) return fail_errno(failure, MOUNT_FAILED, "examining the mount source %s", spec->mounts[i].source);
        if (attach_tree(volumes[i], open_target(target, name, S_ISDIR(status.st_mode), failure), spec->mounts[i].source, failure) < 0) return -1;
    }
    return 0;
}

static int prepare_container(const struct call *call, int bundle, struct failure *failure)
{
    const struct spec *spec = call->spec;
    int sandbox = reopen(call->fds[FD_SANDBOX], failure);
    int *volumes = sandbox < 0 ? NULL : lend_volumes(spec, sandbox, -1, failure);
    if (volumes == NULL || detach_mounts(failure) < 0) return -1;
    if (lend_images(spec, bundle, -1, volumes, failure) < 0 || attach_volumes(spec, bundle, volumes, failure) < 0) return -1;
    int root = openat(bundle, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return fail_errno(failure, FAILED, "opening the container's root directory");
    if (mount_overlay(spec, bundle, root, -1, failure) < 0 || mount_proc(failure) < 0 || hide_cgroups(failure) < 0) return -1;
    return spec->flags & (SHARED_PIDS | JOINED_PIDS) ? bind_pid_namespace(call->fds[FD_PIDS], bundle, failure) : 0;
}

static void add(const char **arguments, unsigned *count, const char *const *more)
{
    for (; *more != NULL; more++) arguments[(*count)++] = *more;
}

/* What runc, crun and runsc understand alike. */
static const char **command_line(const struct call *call, const char *state)
{
    unsigned count = 0, most = 24;
    for (const char **at = call->spec->runtime; *at != NULL; at++) most++;
    for (const char **at = call->args; at != NULL && *at != NULL; at++) most++;
    const char **arguments = must_alloc(most * sizeof *arguments);
    add(arguments, &count, call->spec->runtime);
    add(arguments, &count, (const char *const[]){"--root", state, "--log", LOG_FILE, "--log-format", "json", NULL});
    if (call->args == NULL) add(arguments, &count, (const char *const[]){"run", "--bundle", ".", NULL});
    else add(arguments, &count, (const char *const[]){"exec", call->tty ? "--tty" : NULL, NULL});
    add(arguments, &count, (const char *const[]){"--detach", "--pid-file", PID_FILE, NULL});
    if (call->tty) add(arguments, &count, (const char *const[]){"--console-socket", CONSOLE, NULL});
    arguments[count++] = call->spec->id;
    if (call->args != NULL) add(arguments, &count, call->args);
    arguments[count] = NULL;
    return arguments;
}

static void execute(const struct call *call, struct failure *failure)
{
    char state[PATH_MAX + 8];
    if (getcwd(state, PATH_MAX) == NULL) { fail_errno(failure, FAILED, "finding the container's directory"); return; }
    strcat(state, "/state");
    for (int stream = 0; stream < 3; stream++) {
        if (dup2(call->fds[FD_IN + stream], stream) < 0) { fail_errno(failure, FAILED, "setting standard stream %d", stream); return; }
    }
    umask(0022);
    const char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    execve(call->spec->runtime[0], (char *const *)(uintptr_t)command_line(call, state), (char *const *)(uintptr_t)environment);
    fail_errno(failure, FAILED, "executing the container runtime %s", call->spec->runtime[0]);
}

static void report(const int *fds, const struct failure *failure)
{
    struct status message = {.kind = STATUS_FAILED, .code = failure->code};
    snprintf(message.text, sizeof message.text, "%s", failure->text);
    send_packet(fds[FD_STATUS], &message, sizeof message, NULL, 0);
}

static void become_runtime(const struct call *call)
{
    struct failure failure = {0};
    reset_signals();
    int bundle = reopen(directory, &failure);
    if (bundle >= 0 && fchdir(bundle) < 0) fail_errno(&failure, FAILED, "entering the container's directory");
    if (failure.code == 0 && call->args == NULL) prepare_container(call, bundle, &failure);
    else if (failure.code == 0 && detach_mounts(&failure) == 0) mount_proc(&failure);
    if (failure.code == 0) execute(call, &failure);
    report(call->fds, &failure);
    _exit(255);
}

/* A socket's path has 107 bytes; through the directory's descriptor any fits. */
static int listen_for_terminal(struct failure *failure)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" CONSOLE, directory);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0) return fd;
    fail_errno(failure, FAILED, "listening for the container's terminal");
    if (fd >= 0) close(fd);
    return -1;
}

static void pass_terminal(int listener, int status)
{
    char name[256];
    struct status message = {.kind = STATUS_TERMINAL};
    int master = -1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    receive_packet(fd, name, sizeof name, &master, 1, 0);
    if (master >= 0) {
        send_packet(status, &message, sizeof message, &master, 1);
        close(master);
    }
    close(fd);
}

/* A runtime that hangs is killed: then there is no pid. */
static void await_runtime(int pidfd, int listener, int status)
{
    struct pollfd polled[] = {{.fd = pidfd, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    for (;;) {
        int ready = poll(polled, 2, PATIENCE_MS);
        if (ready == 0) signal_fd(pidfd, SIGKILL);
        if (ready <= 0) continue;
        if (polled[1].revents & POLLIN) {
            pass_terminal(listener, status);
            polled[1].fd = -1;
        }
        if (polled[0].revents & POLLIN) return;
    }
}

/* One character of a JSON text, and what follows it. */
static const char *unescape(const char *at, char *character)
{
    *character = *at;
    if (*at != '\\' || at[1] == 0) return at + 1;
    char code[5] = "";
    for (int i = 0; at[1] == 'u' && i < 4 && at[2 + i] != 0; i++) code[i] = at[2 + i];
    long value = strtol(code, NULL, 16);
    *character = at[1] == 'n' || at[1] == 't' ? ' ' : at[1] == 'u' ? (value > 31 && value < 127 ? (char)value : '?') : at[1];
    return at + 2 + strlen(code);
}

/* The last message in the runtime's log, of JSON lines; "" if it said nothing. */
static void read_words(char *words, size_t size)
{
    static const char key[] = "\"msg\":\"";
    char text[16384];
    read_small(directory, LOG_FILE, text, sizeof text);
    const char *last = NULL;
    for (const char *at = text; (at = strstr(at, key)) != NULL;) last = at += sizeof key - 1;
    size_t length = 0;
    while (last != NULL && *last != 0 && *last != '"' && length + 1 < size) last = unescape(last, &words[length++]);
    words[length] = 0;
}

/* As runtimes in Go word it: `exec: "name": executable file not found in $PATH`. */
static uint32_t code_of(const char *words)
{
    const char *at = strstr(words, "exec: \"");
    if (at == NULL) return FAILED;
    if (strstr(at, "permission denied") != NULL || strstr(at, "is a directory") != NULL) return COMMAND_NOT_EXECUTABLE;
    return strstr(at, "not found") != NULL || strstr(at, "no such file") != NULL || strstr(at, "not a directory") != NULL ? COMMAND_NOT_FOUND : FAILED;
}

static pid_t started(const struct call *call, struct failure *failure)
{
    char text[16], words[800];
    read_small(directory, PID_FILE, text, sizeof text);
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    if (pid > 0) return pid;
    read_words(words, sizeof words);
    if (words[0] == 0) {
        static const char silent[] = "the container runtime %s ended without a word, or took longer than %d seconds (the container's or the pod's limit of memory may be too low for it)";
        return fail(failure, FAILED, silent, call->spec->runtime[0], PATIENCE_MS / 1000);
    }
    return fail(failure, code_of(words), "%s", words);
}

static pid_t run(const struct call *call, pid_t *preparer, struct failure *failure)
{
    int listener = -1, pidfd = -1;
    static const char *const left[] = {PID_FILE, LOG_FILE, CONSOLE};
    for (unsigned i = 0; i < sizeof left / sizeof *left; i++) unlinkat(directory, left[i], 0);
    if (call->tty && (listener = listen_for_terminal(failure)) < 0) return -1;
    *preparer = fork_followed(CLONE_PARENT | CLONE_NEWNS, &pidfd);
    if (*preparer == 0) become_runtime(call);
    if (*preparer < 0) fail_errno(failure, FAILED, "forking for the container runtime");
    else {
        await_runtime(pidfd, listener, call->fds[FD_STATUS]);
        close(pidfd);
    }
    if (listener >= 0) close(listener);
    return failure->code != 0 ? -1 : started(call, failure);
}

static pid_t answer(const struct call *call, pid_t pid, const struct failure *failure)
{
    struct status ready = {.kind = STATUS_READY};
    if (pid < 0) report(call->fds, failure);
    else send_packet(call->fds[FD_STATUS], &ready, offsetof(struct status, text), NULL, 0);
    errno = 0;
    return pid;
}

pid_t runtime_start(const struct spec *spec, const int *fds, bool tty, pid_t *preparer)
{
    struct failure failure = {0};
    struct call call = {spec, NULL, fds, tty};
    directory = fcntl(fds[FD_DIRECTORY], F_DUPFD_CLOEXEC, 0);
    if (directory < 0) fail_errno(&failure, FAILED, "keeping the container's directory");
    bool good = failure.code == 0 && cgroup_leave(&failure) == 0 && write_config(spec, &failure) == 0;
    return answer(&call, good ? run(&call, preparer, &failure) : -1, &failure);
}

pid_t runtime_exec(const struct spec *spec, const char **args, const int *fds, bool tty, pid_t *preparer)
{
    struct failure failure = {0};
    struct call call = {spec, args, fds, tty};
    return answer(&call, run(&call, preparer, &failure), &failure);
}
