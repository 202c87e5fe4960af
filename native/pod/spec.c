#include "spec.h"

#include <stdlib.h>
#include <string.h>

#include "../protocol.h"

struct resources read_resources(struct reader *reader)
{
    struct resources resources;
    resources.cpu_request_millis = read_u64(reader);
    resources.cpu_limit_millis = read_u64(reader);
    resources.memory_bytes = read_u64(reader);
    resources.pids = read_u64(reader);
    return resources;
}

struct cgroup_files read_files(struct reader *reader)
{
    struct cgroup_files files = {0};
    if (reader->at == reader->end) return files;
    files.count = read_count(reader, 15);
    files.reader = *reader;
    for (uint32_t i = 0; i < 3 * files.count; i++) {
        const char *text = read_text(reader);
        if (i % 3 == 1 && strchr(text, '/') != NULL) reader->bad = true; /* a name, and no way out of the cgroup */
    }
    return files;
}

static void read_mounts(struct reader *reader, struct spec *spec)
{
    spec->mount_count = read_count(reader, 35);
    spec->mounts = must_alloc((spec->mount_count + 1) * sizeof *spec->mounts);
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        struct mount *mount = &spec->mounts[i];
        mount->type = read_u32(reader);
        mount->source = read_text(reader);
        mount->sub_path = read_text(reader);
        mount->target = read_text(reader);
        mount->read_only = read_u32(reader);
        mount->size = read_u64(reader);
        mount->propagation = read_u32(reader);
        mount->read_only_below = false;
        mount->layers = NULL;
        mount->layer_count = 0;
        if (mount->type > MOUNT_IMAGE || mount->propagation > PROPAGATE_SHARED) reader->bad = true;
    }
}

/* Agents of version 3 end before them, and know no images. */
static void read_images(struct reader *reader, struct spec *spec)
{
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        struct mount *mount = &spec->mounts[i];
        if (mount->type != MOUNT_IMAGE) continue;
        mount->layers = read_texts(reader, &mount->layer_count);
        if (mount->layer_count == 0) reader->bad = true;
    }
}

static const char **no_texts(void)
{
    const char **none = must_alloc(sizeof *none);
    none[0] = NULL;
    return none;
}

/* Agents of version 8 end before it. */
static void read_since_9(struct reader *reader, struct spec *spec)
{
    if (reader->at == reader->end) return;
    uint32_t count = read_count(reader, 4);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = read_u32(reader);
        if (index < spec->mount_count) spec->mounts[index].read_only_below = true;
        else reader->bad = true;
    }
    spec->project = read_u32(reader);
}

bool spec_parse(struct reader *reader, struct spec *spec)
{
    *spec = (struct spec){0};
    spec->id = read_text(reader);
    spec->layers = read_texts(reader, &spec->layer_count);
    spec->flags = read_u32(reader);
    spec->args = read_texts(reader, NULL);
    spec->env = read_texts(reader, NULL);
    spec->working_dir = read_text(reader);
    read_mounts(reader, spec);
    spec->masked = read_texts(reader, NULL);
    spec->read_only = read_texts(reader, NULL);
    spec->uid = read_u32(reader);
    spec->gid = read_u32(reader);
    spec->group_count = read_count(reader, 4);
    spec->groups = must_alloc((spec->group_count + 1) * sizeof *spec->groups);
    for (uint32_t i = 0; i < spec->group_count; i++) spec->groups[i] = read_u32(reader);
    spec->capabilities = read_u64(reader);
    spec->seccomp = read_blob(reader, &spec->seccomp_size);
    spec->oom_score_adj = (int32_t)read_u32(reader);
    spec->resources = read_resources(reader);
    spec->log_path = read_text(reader);
    spec->log_max_bytes = read_u64(reader);
    spec->log_max_files = read_u32(reader);
    spec->joins = reader->at == reader->end ? "" : read_text(reader); /* agents of version 2 end before it */
    read_images(reader, spec);
    spec->files = read_files(reader);
    bool ends = reader->at == reader->end; /* agents of version 7 end before them, and know no handlers */
    spec->runtime = ends ? no_texts() : read_texts(reader, NULL);
    spec->config = ends ? no_texts() : read_texts(reader, NULL);
    read_since_9(reader, spec);
    return !reader->bad && spec->id[0] != 0 && spec->args[0] != NULL && spec->layer_count > 0 && spec->seccomp_size % 8 == 0;
}

void spec_free(struct spec *spec)
{
    for (uint32_t i = 0; i < spec->mount_count; i++) free(spec->mounts[i].layers);
    free(spec->layers);
    free(spec->args);
    free(spec->env);
    free(spec->masked);
    free(spec->read_only);
    free(spec->mounts);
    free(spec->runtime);
    free(spec->config);
    free(spec->groups);
    *spec = (struct spec){0};
}
