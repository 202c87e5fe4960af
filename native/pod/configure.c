#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../protocol.h"
#include "cgroup.h"
#include "process.h"
#include "rootfs.h"

/* Only what the kernel keeps per namespace, and only where the pod has that namespace: anything else would be the machine's. */
static bool is_namespaced(const char *name)
{
    static const char *const ipc[] = {"kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."};
    if (strncmp(name, "net.", 4) == 0) return !(pod.flags & POD_HOST_NETWORK);
    for (unsigned i = 0; i < sizeof ipc / sizeof *ipc; i++) {
        if (strncmp(name, ipc[i], strlen(ipc[i])) == 0) return !(pod.flags & POD_HOST_IPC);
    }
    return false;
}

static int set_sysctl(const char *name, const char *value, struct failure *failure)
{
    char path[256];
    if (!is_namespaced(name) || strchr(name, '/') != NULL || strstr(name, "..") != NULL) return fail(failure, FAILED, "sysctl \"%s\" is not kept per pod", name);
    snprintf(path, sizeof path, "/proc/sys/%s", name);
    for (char *at = path + strlen("/proc/sys/"); *at != 0; at++) {
        if (*at == '.') *at = '/';
    }
    /* the network's are for whoever has its capabilities to write, those of IPC for its root, known by the id alone */
    if (seteuid(strncmp(name, "net.", 4) == 0 ? 0 : pod.first_id) < 0) return fail_errno(failure, FAILED, "becoming the pod's root");
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t written = fd < 0 ? -1 : write(fd, value, strlen(value));
    int reason = errno;
    if (fd >= 0) close(fd);
    if (seteuid(0) < 0) abort();
    errno = reason;
    return written < 0 ? fail_errno(failure, FAILED, "setting the sysctl %s to %s", name, value) : 0;
}

void pod_configure(struct connection *connection, uint32_t id, struct reader payload)
{
    struct failure failure = {0};
    const char *hostname = read_text(&payload);
    if (sethostname(hostname, strlen(hostname)) < 0) fail_errno(&failure, FAILED, "setting the host name %s", hostname);
    uint32_t count = read_count(&payload, 10);
    for (uint32_t i = 0; i < count && failure.code == 0; i++) {
        const char *name = read_text(&payload), *value = read_text(&payload);
        set_sysctl(name, value, &failure);
    }
    struct resources resources = read_resources(&payload);
    bool share = read_u32(&payload) != 0;
    struct cgroup_files files = read_files(&payload);
    if (failure.code == 0 && payload.bad) fail(&failure, FAILED, "the pod's configuration is malformed");
    if (failure.code == 0 && cgroup_limit(-1, &resources, &failure) == 0 && cgroup_write(-1, files, &failure) == 0) cgroup_limit_cpu(-1, &resources, &failure);
    if (failure.code == 0 && share && pod.reaper < 0 && !(pod.flags & POD_HOST_PIDS)) pod.reaper_pid = reaper_start(pod.directory, &pod.reaper, &failure);
    if (failure.code != 0) return connection_error(connection, id, failure.code, failure.text);
    connection_ok(connection, id);
}

int pod_prepare(struct failure *failure)
{
    static const char *const directories[] = {"c", "exits", "tmpfs", "shm", "empty"};
    for (unsigned i = 0; i < sizeof directories / sizeof *directories; i++) {
        if (mkdirat(pod.directory, directories[i], 0700) < 0 && errno != EEXIST) return fail_errno(failure, FAILED, "making %s in the sandbox's directory", directories[i]);
    }
    /* nobody but the pod is behind its ports and its pings: no user of its needs to be root for them */
    if (!(pod.flags & POD_HOST_NETWORK) && (set_sysctl("net.ipv4.ip_unprivileged_port_start", "0", failure) < 0 ||
                                            set_sysctl("net.ipv4.ping_group_range", "0 2147483647", failure) < 0)) return -1;
    if (pod.flags & POD_HOST_IPC) return 0;
    int shm = openat(pod.directory, "shm", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (shm < 0) return fail_errno(failure, FAILED, "opening the sandbox's shm");
    return mount_on(shm, "tmpfs", "mode=1777,size=65536k", MS_NOSUID | MS_NODEV | MS_NOEXEC, "shm", failure);
}
