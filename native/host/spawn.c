#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "host.h"

/* Bits of pod/process.h: what the pod shares with the host. */
enum { POD_HOST_NETWORK = 1, POD_HOST_PIDS = 2, POD_HOST_IPC = 4 };

static int pod_binary = -1;

/* The supervisor runs from a sealed copy: nothing that a container finds under /proc/<pid>/exe can be written. */
int spawn_prepare(const char *path, struct failure *failure)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0) return fail_errno(failure, FAILED, "opening %s", path);
    pod_binary = memfd_create("coracle-pod", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (pod_binary < 0) return fail_errno(failure, FAILED, "making a memfd");
    for (off_t left = status.st_size; left > 0;) {
        ssize_t count = sendfile(pod_binary, file, NULL, (size_t)left);
        if (count <= 0) return fail_errno(failure, FAILED, "copying %s", path);
        left -= count;
    }
    close(file);
    if (fcntl(pod_binary, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) return fail_errno(failure, FAILED, "sealing coracle-pod");
    return 0;
}

struct request {
    const char *key, *directory;
    uint32_t flags, first_id; /* of the pod's users; 0: it has the host's */
    bool has_network;
    struct pod_link link;
    struct buffer start; /* what coracle-pod reads: main.c there */
};

static int read_cgroups(struct reader *reader, struct buffer *start, struct failure *failure)
{
    uint32_t version = read_u32(reader), count = read_count(reader, 10);
    write_u32(start, version);
    write_u32(start, count);
    for (uint32_t i = 0; i < count; i++) {
        const char *controllers = read_text(reader), *slot = read_text(reader);
        if (!reader->bad && cgroup_make(slot, controllers, version == 2, failure) < 0) return -1;
        write_text(start, controllers);
        write_text(start, slot);
    }
    return 0;
}

/* Agents of version 4 end before them. */
static void pass_texts(struct reader *reader, struct buffer *start)
{
    uint32_t count = reader->at == reader->end ? 0 : read_count(reader, 5);
    write_u32(start, count);
    for (uint32_t i = 0; i < count; i++) write_text(start, read_text(reader));
}

static int read_request(struct reader *reader, struct request *request, struct failure *failure)
{
    request->key = read_text(reader);
    request->directory = read_text(reader);
    write_text(&request->start, request->key);
    if (read_cgroups(reader, &request->start, failure) < 0) return -1;
    request->flags = read_u32(reader);
    write_u32(&request->start, request->flags);
    write_u32(&request->start, read_u32(reader)); /* zygotes */
    request->has_network = read_u32(reader) != 0;
    if (request->has_network) {
        request->link = (struct pod_link){.veth = read_text(reader), .bridge = read_text(reader)};
        request->link.address = read_u32(reader);
        request->link.prefix = read_u32(reader);
        request->link.gateway = read_u32(reader);
    }
    request->first_id = read_u32(reader);
    write_u32(&request->start, request->first_id);
    pass_texts(reader, &request->start); /* masked paths */
    pass_texts(reader, &request->start); /* read-only paths */
    return reader->bad ? fail(failure, FAILED, "the spawn request is malformed") : 0;
}

enum { GIVEN_DIRECTORY, GIVEN_LISTENER, GIVEN_START, GIVEN_READY, GIVEN_USERS, GIVEN_LOG, GIVEN_COUNT };

/* A socket's path has 107 bytes; through the directory's descriptor any data directory fits. */
static int listen_in(int directory, struct failure *failure)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/pod.sock", directory);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 128) == 0) return fd;
    fail_errno(failure, FAILED, "listening on the sandbox's pod.sock");
    if (fd >= 0) close(fd);
    return -1;
}

static int open_given(const struct request *request, int given[GIVEN_COUNT], int *ready, struct failure *failure)
{
    int ends[2];
    if (mkdir(request->directory, 0700) < 0 && errno != EEXIST) return fail_errno(failure, FAILED, "making %s", request->directory);
    given[GIVEN_DIRECTORY] = open(request->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (given[GIVEN_DIRECTORY] < 0) return fail_errno(failure, FAILED, "opening %s", request->directory);
    given[GIVEN_LOG] = openat(given[GIVEN_DIRECTORY], "supervisor.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (given[GIVEN_LOG] < 0) return fail_errno(failure, FAILED, "opening supervisor.log in %s", request->directory);
    given[GIVEN_LISTENER] = listen_in(given[GIVEN_DIRECTORY], failure);
    if (given[GIVEN_LISTENER] < 0) return -1;
    given[GIVEN_START] = memfd_create("coracle-start", MFD_CLOEXEC);
    if (given[GIVEN_START] < 0 || write(given[GIVEN_START], request->start.data, request->start.size) != (ssize_t)request->start.size) return fail_errno(failure, FAILED, "writing the start frame");
    if (pipe2(ends, O_CLOEXEC) < 0) return fail_errno(failure, FAILED, "making a pipe");
    *ready = ends[0];
    given[GIVEN_READY] = ends[1];
    return 0;
}

/* In the new process: nothing that can allocate, nothing that can wait. */
static void become_supervisor(const int given[GIVEN_COUNT], const struct pod_users *users)
{
    static const char refused[] = "entering the pod's namespaces";
    if (users->holder != 0 && users_join(users) < 0) _exit(write(given[GIVEN_READY], refused, strlen(refused)) < 0 ? 2 : 1);
    int high[GIVEN_COUNT], binary = fcntl(pod_binary, F_DUPFD_CLOEXEC, 32);
    for (int i = 0; i < GIVEN_COUNT; i++) high[i] = fcntl(given[i], F_DUPFD_CLOEXEC, 32);
    int null = open("/dev/null", O_RDWR);
    if (dup2(null, 0) < 0 || dup2(high[GIVEN_LOG], 1) < 0 || dup2(high[GIVEN_LOG], 2) < 0) _exit(1);
    for (int i = GIVEN_DIRECTORY; i <= GIVEN_USERS; i++) {
        if (i == GIVEN_USERS && given[i] < 0) close(3 + i);
        else if (dup2(high[i], 3 + i) < 0) _exit(1);
    }
    if (dup3(binary, 8, O_CLOEXEC) < 0) _exit(1);
    close_from(9);
    setsid();
    if (chdir("/") < 0) _exit(1);
    char *arguments[] = {(char[]){"coracle-pod"}, NULL}, *environment[] = {NULL};
    syscall(SYS_execveat, 8, "", arguments, environment, 0x1000 /* AT_EMPTY_PATH */);
    _exit(1);
}

/* The network goes where the supervisor will find it: to whoever has it before the supervisor, if anybody has. */
static int start(const struct request *request, const int given[GIVEN_COUNT], const struct pod_users *users, struct spawned *spawned, struct failure *failure)
{
    bool own = users->holder != 0;
    if (own && request->has_network && network_attach(users->holder, &request->link, failure) < 0) return -1;
    uint64_t others = (request->flags & POD_HOST_IPC ? 0 : CLONE_NEWIPC) | (request->flags & POD_HOST_NETWORK ? 0 : CLONE_NEWNET) | CLONE_NEWUTS;
    spawned->pid = fork_with((own ? 0 : others) | (request->flags & POD_HOST_PIDS ? 0 : CLONE_NEWPID), SIGCHLD, -1);
    if (spawned->pid == 0) become_supervisor(given, users);
    if (spawned->pid < 0) return fail_errno(failure, FAILED, "starting the pod's supervisor");
    spawned->start_ticks = start_ticks(spawned->pid);
    return own || !request->has_network ? 0 : network_attach(spawned->pid, &request->link, failure);
}

int spawn(struct reader *reader, struct spawned *spawned, struct failure *failure)
{
    struct request request = {0};
    struct pod_users users = {0};
    int given[GIVEN_COUNT] = {-1, -1, -1, -1, -1, -1};
    spawned->ready = -1;
    spawned->pid = -1;
    int result = read_request(reader, &request, failure);
    if (result == 0 && request.first_id != 0) result = users_make(&users, request.first_id, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS, failure);
    if (users.holder != 0) given[GIVEN_USERS] = users.spaces[USERS_SPACE];
    if (result == 0) result = open_given(&request, given, &spawned->ready, failure);
    if (result == 0 && users.holder != 0) result = users_can_see(&users, request.directory, failure);
    if (result == 0) result = start(&request, given, &users, spawned, failure);
    given[GIVEN_USERS] = -1; /* goes with the others */
    users_release(&users);
    for (int i = 0; i < GIVEN_COUNT; i++) {
        if (given[i] >= 0) close(given[i]);
    }
    buffer_free(&request.start);
    if (result == 0) return 0;
    if (spawned->pid > 0) kill(spawned->pid, SIGKILL);
    if (spawned->ready >= 0) close(spawned->ready);
    return -1;
}
