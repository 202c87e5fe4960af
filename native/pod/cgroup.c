#define _GNU_SOURCE
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../protocol.h"
#include "../small-file.h"

#define HIERARCHIES 8

static struct hierarchy {
    char controllers[64], path[256];
    int slot;
} hierarchies[HIERARCHIES];
static unsigned hierarchy_count;
static bool v2;
static unsigned own_index;

int cgroup_open(struct reader *reader, struct failure *failure)
{
    v2 = read_u32(reader) == 2;
    hierarchy_count = read_count(reader, 10);
    if (hierarchy_count > HIERARCHIES) return fail(failure, FAILED, "more than %d cgroup hierarchies", HIERARCHIES);
    for (unsigned i = 0; i < hierarchy_count; i++) {
        snprintf(hierarchies[i].controllers, sizeof hierarchies[i].controllers, "%s", read_text(reader));
        const char *path = read_text(reader);
        hierarchies[i].slot = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        snprintf(hierarchies[i].path, sizeof hierarchies[i].path, "%s", path);
        if (hierarchies[i].slot < 0) return fail_errno(failure, FAILED, "opening the cgroup %s", path);
    }
    return reader->bad ? fail(failure, FAILED, "the start frame is malformed") : 0;
}

static int make_child(const char *child, struct failure *failure)
{
    for (unsigned i = 0; i < hierarchy_count; i++) {
        if (mkdirat(hierarchies[i].slot, child, 0755) < 0 && errno != EEXIST) {
            return fail_errno(failure, FAILED, "making the cgroup %s of %s", child, hierarchies[i].controllers);
        }
    }
    return 0;
}

int cgroup_enter(const char *child, struct failure *failure)
{
    if (make_child(child, failure) < 0) return -1;
    char path[64];
    snprintf(path, sizeof path, "%s/cgroup.procs", child);
    for (unsigned i = 0; i < hierarchy_count; i++) {
        if (write_small(hierarchies[i].slot, path, "0") < 0) return fail_errno(failure, FAILED, "entering the cgroup %s of %s", child, hierarchies[i].controllers);
    }
    return 0;
}

int cgroup_make(unsigned index, struct failure *failure)
{
    char child[16];
    snprintf(child, sizeof child, "c%u", index);
    return make_child(child, failure);
}

static bool has_controller(const struct hierarchy *hierarchy, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = hierarchy->controllers; *at != 0;) {
        size_t size = strcspn(at, ",");
        if (size == length && memcmp(at, name, length) == 0) return true;
        at += size;
        if (*at == ',') at++;
    }
    return false;
}

static const struct hierarchy *hierarchy_of(const char *controller)
{
    for (unsigned i = 0; i < hierarchy_count; i++) {
        if (has_controller(&hierarchies[i], controller)) return &hierarchies[i];
    }
    return NULL;
}

static int set_or_say(int index, const char *controller, const char *file, const char *value, bool missing_is_fine, struct failure *failure)
{
    const struct hierarchy *hierarchy = hierarchy_of(controller);
    if (hierarchy == NULL) return 0; /* `coracle doctor` and the node's condition name a missing controller, once */
    char path[96];
    if (index < 0) snprintf(path, sizeof path, "%s", file);
    else snprintf(path, sizeof path, "c%d/%s", index, file);
    if (write_small(hierarchy->slot, path, value) == 0 || (missing_is_fine && errno == ENOENT)) return 0;
    if (errno == EBUSY && !strcmp(controller, "memory")) return fail(failure, FAILED, "a limit of memory of %s bytes is below what is in use already", value);
    return fail_errno(failure, FAILED, "writing %s to the cgroup's %s", value, path);
}

static int set(int index, const char *controller, const char *file, const char *value, struct failure *failure)
{
    return set_or_say(index, controller, file, value, false, failure);
}

/* Kubernetes' conversions: 1024 shares a core, at least 2; and the OCI formula from shares (2..262144) to weight (1..10000). */
static uint64_t shares_of(uint64_t millis)
{
    uint64_t shares = millis == ABSENT ? 2 : millis * 1024 / 1000;
    return shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
}

int cgroup_limit_cpu(int index, const struct resources *resources, struct failure *failure)
{
    char value[64];
    uint64_t shares = shares_of(resources->cpu_request_millis);
    snprintf(value, sizeof value, "%llu", (unsigned long long)(v2 ? 1 + (shares - 2) * 9999 / 262142 : shares));
    if (set(index, "cpu", v2 ? "cpu.weight" : "cpu.shares", value, failure) < 0) return -1;
    if (resources->cpu_limit_millis == ABSENT) return 0;
    uint64_t quota = resources->cpu_limit_millis * 100;
    if (quota < 1000) quota = 1000; /* the kernel's smallest quota */
    snprintf(value, sizeof value, v2 ? "%llu 100000" : "%llu", (unsigned long long)quota);
    return set(index, "cpu", v2 ? "cpu.max" : "cpu.cfs_quota_us", value, failure);
}

int cgroup_limit(int index, const struct resources *resources, struct failure *failure)
{
    char value[32];
    if (resources->memory_bytes != ABSENT) {
        snprintf(value, sizeof value, "%llu", (unsigned long long)resources->memory_bytes);
        if (set(index, "memory", v2 ? "memory.max" : "memory.limit_in_bytes", value, failure) < 0) return -1;
    }
    if (resources->pids == ABSENT) return 0;
    /* our own come on top: a container's zygote; a pod's supervisor, reaper and zygotes */
    snprintf(value, sizeof value, "%llu", (unsigned long long)resources->pids + (index < 0 ? 32 : 1));
    return set(index, "pids", "pids.max", value, failure);
}

int cgroup_write(int index, struct cgroup_files files, struct failure *failure)
{
    for (uint32_t i = 0; i < files.count; i++) {
        const char *controller = read_text(&files.reader), *name = read_text(&files.reader), *value = read_text(&files.reader);
        if (set_or_say(index, controller, name, value, true, failure) < 0) return -1;
    }
    return 0;
}

int cgroup_leaves_room(int index, const struct resources *resources, struct failure *failure)
{
    const struct hierarchy *memory = hierarchy_of("memory");
    if (memory == NULL || resources->memory_bytes == ABSENT) return 0;
    char path[64] = "", text[32];
    const char *file = v2 ? "memory.current" : "memory.usage_in_bytes";
    if (index < 0) snprintf(path, sizeof path, "%s", file);
    else snprintf(path, sizeof path, "c%d/%s", index, file);
    read_small(memory->slot, path, text, sizeof text);
    uint64_t used = strtoull(text, NULL, 10);
    if (used <= resources->memory_bytes) return 0;
    return fail(failure, FAILED, "attempting to set a memory limit (%llu) below current usage (%llu)", (unsigned long long)resources->memory_bytes, (unsigned long long)used);
}

uint64_t cgroup_oom_kills(unsigned index)
{
    const struct hierarchy *memory = hierarchy_of("memory");
    if (memory == NULL) return 0;
    char path[64], text[512];
    snprintf(path, sizeof path, "c%u/%s", index, v2 ? "memory.events" : "memory.oom_control");
    read_small(memory->slot, path, text, sizeof text);
    const char *at = strstr(text, "oom_kill ");
    return at == NULL ? 0 : strtoull(at + strlen("oom_kill "), NULL, 10);
}

void cgroup_die_together(unsigned index)
{
    struct failure ignored = {0}; /* Linux before 4.19 has it not */
    if (v2) set((int)index, "memory", "memory.oom.group", "1", &ignored);
}

void cgroup_let_end(unsigned index)
{
    struct failure ignored = {0}; /* a container that ends without this ends all the same */
    set((int)index, "pids", "pids.max", "0", &ignored);
    set((int)index, "cpu", v2 ? "cpu.max" : "cpu.cfs_quota_us", v2 ? "max" : "-1", &ignored);
}

void cgroup_kill(unsigned index, int spare)
{
    char path[64], text[16384];
    cgroup_let_end(index);
    snprintf(path, sizeof path, "c%u/cgroup.procs", index);
    for (int round = 0; round < 64; round++) { /* bounded: what is left is killed with the pod at the latest */
        int killed = 0;
        read_small(hierarchies[0].slot, path, text, sizeof text);
        for (char *at = text, *end; *at != 0; at = *end == '\n' ? end + 1 : end) {
            long pid = strtol(at, &end, 10);
            if (end == at) break;
            if (pid > 1 && pid != spare && kill((pid_t)pid, SIGKILL) == 0) killed++;
        }
        if (killed == 0) return;
    }
}

const char *cgroup_controllers(unsigned hierarchy)
{
    return hierarchy < hierarchy_count ? hierarchies[hierarchy].controllers : NULL;
}

void cgroup_remember(unsigned index)
{
    own_index = index;
}

void cgroup_own_path(unsigned hierarchy, char *path, size_t size)
{
    snprintf(path, size, "%s/c%u", hierarchies[hierarchy].path, own_index);
}

int cgroup_leave(struct failure *failure)
{
    for (unsigned i = 0; i < hierarchy_count; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/supervisor/cgroup.procs", hierarchies[i].path);
        if (write_small(AT_FDCWD, path, "0") < 0) return fail_errno(failure, FAILED, "leaving for %s", path);
    }
    return 0;
}

bool cgroup_is_mounted_at(const char *name)
{
    char mount[300];
    int length = snprintf(mount, sizeof mount, "/sys/fs/cgroup/%s/", name);
    for (unsigned i = 0; i < hierarchy_count; i++) {
        if (strncmp(hierarchies[i].path, mount, (size_t)length) == 0) return true;
    }
    return false;
}

bool cgroup_is_v2(void)
{
    return v2;
}
