#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../protocol.h"
#include "process.h"

/* exits/<id>.json, as ContainerExit of node-agent/runtime/runtime.ts: a new agent reads it even when this supervisor is gone. */
int record_exit(int directory, const struct container *container, struct failure *failure)
{
    char name[96], temporary[96], text[400];
    const struct exit_record *exit = &container->exit;
    snprintf(name, sizeof name, "exits/%s.json", container->id);
    snprintf(temporary, sizeof temporary, "exits/.%s", container->id);
    int length = snprintf(text, sizeof text, "{\"containerId\":\"%s\",\"exitCode\":%u,\"signal\":%u,\"oomKilled\":%s,\"startedAt\":%llu,\"finishedAt\":%llu}\n",
                          container->id, exit->code, exit->signal, exit->oom_killed ? "true" : "false",
                          (unsigned long long)exit->started_at, (unsigned long long)exit->finished_at);
    int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return fail_errno(failure, FAILED, "recording the exit of %s", container->id);
    bool written = write(fd, text, (size_t)length) == length && fdatasync(fd) == 0;
    close(fd);
    if (!written || renameat(directory, temporary, directory, name) < 0) return fail_errno(failure, FAILED, "recording the exit of %s", container->id);
    int parent = openat(directory, "exits", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = parent < 0 || fsync(parent) < 0 ? fail_errno(failure, FAILED, "syncing the exit record of %s", container->id) : 0;
    if (parent >= 0) close(parent);
    return result;
}

void record_forget(int directory, const struct container *container)
{
    char name[96];
    snprintf(name, sizeof name, "exits/%s.json", container->id);
    unlinkat(directory, name, 0);
}
