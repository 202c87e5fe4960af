/* One layer into a directory, as overlay wants it: whiteouts become 0/0 devices and opaque directories an attribute. Every path
 * is resolved by the kernel inside the target (RESOLVE_IN_ROOT); an entry that points outside by `..` is refused, not repaired. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"
#include "host.h"
#include "layer.h"

#define INSIDE (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

/* Times of directories are set last: their entries would change them. */
struct directory_time {
    char *path;
    int64_t mtime;
};
struct target {
    int root;
    struct layer *layer;
    struct directory_time *times;
    size_t time_count;
};

/* Strips `/` and `./` in front and `/` behind; refuses `..`. "" is the root itself. */
static int clean(char *path, const char *what, struct failure *failure)
{
    char *from = path, *to = path;
    if (strlen(path) >= PATH_MAX) return fail(failure, BAD_LAYER, "a path in the layer is longer than %d bytes", PATH_MAX);
    while (*from != 0) {
        size_t size = strcspn(from, "/");
        if (size == 2 && from[0] == '.' && from[1] == '.') return fail(failure, BAD_LAYER, "the %s of a layer's entry leaves the layer: it has '..'", what);
        if (size > NAME_MAX) return fail(failure, BAD_LAYER, "a name in the layer is longer than %d bytes", NAME_MAX);
        if (size > 0 && !(size == 1 && from[0] == '.')) {
            if (to != path) *to++ = '/';
            memmove(to, from, size);
            to += size;
        }
        from += size;
        while (*from == '/') from++;
    }
    *to = 0;
    return 0;
}

/* Opens the directory `path`, made with its parents when missing. */
static int open_directory(int root, const char *path, struct failure *failure)
{
    int fd = open_in(root, path[0] == 0 ? "." : path, O_RDONLY | O_DIRECTORY, 0, INSIDE);
    if (fd >= 0 || errno != ENOENT) return fd >= 0 ? fd : fail_errno(failure, BAD_LAYER, "opening the directory %s in the layer", path);
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *at = part;; at++) {
        if (*at != '/' && *at != 0) continue;
        char end = *at;
        *at = 0;
        int known = open_in(root, part, O_PATH | O_DIRECTORY, 0, INSIDE);
        if (known >= 0) close(known);
        else {
            char *name = strrchr(part, '/');
            if (name != NULL) *name = 0;
            int parent = open_in(root, name == NULL ? "." : part, O_PATH | O_DIRECTORY, 0, INSIDE);
            if (name != NULL) *name = '/';
            int made = parent < 0 ? -1 : mkdirat(parent, name == NULL ? part : name + 1, 0755);
            if (parent >= 0) close(parent);
            if (made < 0) return fail_errno(failure, BAD_LAYER, "making the directory %s in the layer", part);
        }
        *at = end;
        if (end == 0) break;
    }
    fd = open_in(root, path, O_RDONLY | O_DIRECTORY, 0, INSIDE);
    return fd >= 0 ? fd : fail_errno(failure, BAD_LAYER, "opening the directory %s in the layer", path);
}

/* Splits `path`: returns its parent, opened; *name is the last part. */
static int open_parent(int root, char *path, char **name, struct failure *failure)
{
    char *slash = strrchr(path, '/');
    *name = slash == NULL ? path : slash + 1;
    if (slash == NULL) return open_directory(root, "", failure);
    *slash = 0;
    int fd = open_directory(root, path, failure);
    *slash = '/';
    return fd;
}

bool layer_attribute(const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0;
}

static int set_attributes(int fd, const struct tar_entry *entry, struct failure *failure)
{
    for (uint32_t i = 0; i < entry->xattr_count; i++) {
        const struct tar_xattr *xattr = &entry->xattrs[i];
        if (!layer_attribute(xattr->name)) continue;
        if (fsetxattr(fd, xattr->name, xattr->value, xattr->size, 0) < 0 && errno != ENOTSUP) return fail_errno(failure, FAILED, "setting the attribute %s of %s", xattr->name, entry->name);
    }
    return 0;
}

/* Owner first: changing it clears setuid. */
static int set_owner(int fd, const struct tar_entry *entry, struct failure *failure)
{
    if (fchown(fd, entry->uid, entry->gid) < 0) return fail_errno(failure, FAILED, "setting the owner of %s", entry->name);
    if (fchmod(fd, entry->mode) < 0) return fail_errno(failure, FAILED, "setting the mode of %s", entry->name);
    return set_attributes(fd, entry, failure);
}

static int write_content(struct target *target, int fd, const struct tar_entry *entry, struct failure *failure)
{
    static uint8_t bytes[128u << 10];
    for (uint64_t left = entry->size; left > 0;) {
        size_t part = left > sizeof bytes ? sizeof bytes : (size_t)left;
        if (layer_read(target->layer, bytes, part, failure) < 0) return -1;
        for (size_t written = 0; written < part;) {
            ssize_t count = write(fd, bytes + written, part - written);
            if (count < 0) return fail_errno(failure, FAILED, "writing %s", entry->name);
            written += (size_t)count;
        }
        left -= part;
    }
    return layer_skip(target->layer, tar_padding(entry->size), failure);
}

static int make_file(struct target *target, int parent, const char *name, const struct tar_entry *entry, struct failure *failure)
{
    int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return fail_errno(failure, FAILED, "making the file %s", entry->name);
    int result = write_content(target, fd, entry, failure);
    if (result == 0) result = set_owner(fd, entry, failure);
    struct timespec times[2] = {{entry->mtime, 0}, {entry->mtime, 0}};
    if (result == 0 && futimens(fd, times) < 0) result = fail_errno(failure, FAILED, "setting the time of %s", entry->name);
    close(fd);
    return result;
}

/* Set when all is unpacked: what is made in a directory changes it. */
static void time_later(struct target *target, const char *path, int64_t mtime)
{
    target->times = must_realloc(target->times, (target->time_count + 1) * sizeof *target->times);
    target->times[target->time_count++] = (struct directory_time){strdup(path), mtime};
}

static int make_directory(struct target *target, int parent, const char *name, const struct tar_entry *entry, struct failure *failure)
{
    if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST) return fail_errno(failure, FAILED, "making the directory %s", entry->name);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return fail_errno(failure, FAILED, "opening the directory %s", entry->name);
    int result = set_owner(fd, entry, failure);
    close(fd);
    time_later(target, entry->name, entry->mtime);
    return result;
}

static int make_hard_link(struct target *target, int parent, const char *name, struct tar_entry *entry, struct failure *failure)
{
    if (clean(entry->link, "link", failure) < 0) return -1;
    char *last;
    int directory = open_parent(target->root, entry->link, &last, failure);
    if (directory < 0) return -1;
    int result = linkat(directory, last, parent, name, 0);
    if (result < 0) fail_errno(failure, BAD_LAYER, "linking %s to %s", entry->name, entry->link);
    close(directory);
    return result;
}

/* Of what can't be opened, or not without waiting for somebody or some device. */
static int set_time(int parent, const char *name, const struct tar_entry *entry, struct failure *failure)
{
    struct timespec times[2] = {{entry->mtime, 0}, {entry->mtime, 0}};
    return utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? fail_errno(failure, FAILED, "setting the time of %s", entry->name) : 0;
}

static int make_node(int parent, const char *name, const struct tar_entry *entry, struct failure *failure)
{
    static const mode_t types[] = {['3'] = S_IFCHR, ['4'] = S_IFBLK, ['6'] = S_IFIFO};
    mode_t type = types[(unsigned char)entry->type];
    if (type == S_IFCHR && entry->major == 0 && entry->minor == 0) return fail(failure, BAD_LAYER, "%s is overlay's own whiteout, which no layer may have", entry->name);
    if (mknodat(parent, name, type | entry->mode, type == S_IFIFO ? 0 : makedev(entry->major, entry->minor)) < 0) return fail_errno(failure, FAILED, "making the device %s", entry->name);
    bool is_owned = fchownat(parent, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) == 0 && fchmodat(parent, name, entry->mode, 0) == 0;
    if (!is_owned) return fail_errno(failure, FAILED, "setting the owner of %s", entry->name);
    return set_time(parent, name, entry, failure);
}

static int make_symbolic_link(int parent, const char *name, const struct tar_entry *entry, struct failure *failure)
{
    if (symlinkat(entry->link, parent, name) < 0) return fail_errno(failure, FAILED, "making the link %s", entry->name);
    if (fchownat(parent, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0) return fail_errno(failure, FAILED, "setting the owner of %s", entry->name);
    return set_time(parent, name, entry, failure);
}

/* `.wh.x` hides x of the layers below; `.wh..wh..opq` hides all that the directory had there. */
static int make_whiteout(int parent, const char *name, const struct tar_entry *entry, struct failure *failure)
{
    if (strcmp(name, ".wh..wh..opq") == 0) return fsetxattr(parent, "trusted.overlay.opaque", "y", 1, 0) < 0 ? fail_errno(failure, FAILED, "making the directory of %s opaque", entry->name) : 0;
    if (strncmp(name, ".wh..wh.", 8) == 0) return 0; /* aufs' own bookkeeping */
    const char *hidden = name + 4;
    if (hidden[0] == 0 || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0) return fail(failure, BAD_LAYER, "%s hides nothing that could be there", entry->name);
    if (mknodat(parent, hidden, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST) return fail_errno(failure, FAILED, "hiding %s", entry->name);
    return 0;
}

static int make_entry(struct target *target, int parent, const char *name, struct tar_entry *entry, struct failure *failure)
{
    if (strncmp(name, ".wh.", 4) == 0) return make_whiteout(parent, name, entry, failure) < 0 ? -1 : layer_skip(target->layer, entry->size + tar_padding(entry->size), failure);
    struct stat status;
    bool exists = fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && !(entry->type == '5' && S_ISDIR(status.st_mode)) && remove_below(parent, name, failure) < 0) return -1;
    switch (entry->type) {
    case '0': return make_file(target, parent, name, entry, failure);
    case '1': return make_hard_link(target, parent, name, entry, failure);
    case '2': return make_symbolic_link(parent, name, entry, failure);
    case '3':
    case '4':
    case '6': return make_node(parent, name, entry, failure);
    case '5': return make_directory(target, parent, name, entry, failure);
    default: return fail(failure, BAD_LAYER, "%s is of the unknown type '%c'", entry->name, entry->type >= ' ' && entry->type <= '~' ? entry->type : '?');
    }
}

static int place(struct target *target, struct tar_entry *entry, struct failure *failure)
{
    if (clean(entry->name, "name", failure) < 0) return -1;
    if (entry->name[0] == 0) {
        if (entry->type != '5') return fail(failure, BAD_LAYER, "an entry of the layer has no name");
        time_later(target, ".", entry->mtime);
        return set_owner(target->root, entry, failure);
    }
    char *path = strdup(entry->name), *name;
    int parent = open_parent(target->root, path, &name, failure);
    int result = parent < 0 ? -1 : make_entry(target, parent, name, entry, failure);
    if (parent >= 0) close(parent);
    free(path);
    return result;
}

static int set_times(struct target *target, struct failure *failure)
{
    for (size_t i = target->time_count; i-- > 0;) {
        int fd = open_in(target->root, target->times[i].path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, INSIDE);
        if (fd < 0) continue; /* replaced by a later entry */
        struct timespec times[2] = {{target->times[i].mtime, 0}, {target->times[i].mtime, 0}};
        int result = futimens(fd, times);
        close(fd);
        if (result < 0) return fail_errno(failure, FAILED, "setting the time of %s", target->times[i].path);
    }
    return 0;
}

static int unpack_into(struct target *target, struct failure *failure)
{
    struct tar_entry entry;
    int more;
    while ((more = tar_next(target->layer, &entry, failure)) == 1) {
        int result = place(target, &entry, failure);
        tar_entry_free(&entry);
        if (result < 0) return -1;
    }
    return more < 0 ? -1 : set_times(target, failure);
}

static int unpack_to(const char *directory, const char *blob, const char *digest, const char *diff_id, uint32_t compression, struct failure *failure)
{
    struct target target = {.root = -1, .layer = layer_open(blob, compression, failure)};
    int result = target.layer == NULL ? -1 : 0;
    if (result == 0 && (mkdir(directory, 0755) < 0 || (target.root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)) result = fail_errno(failure, FAILED, "making %s", directory);
    if (result == 0) result = unpack_into(&target, failure);
    if (result == 0) result = layer_verify(target.layer, digest, diff_id, failure);
    /* a blob that is broken and not the wanted one is first of all not the wanted one */
    if (result < 0 && failure->code == BAD_LAYER) {
        struct failure other = {0};
        if (layer_verify_blob(target.layer, digest, &other) < 0) *failure = other;
    }
    if (result == 0 && syncfs(target.root) < 0) result = fail_errno(failure, FAILED, "syncing %s", directory);
    if (target.layer != NULL) layer_close(target.layer);
    if (target.root >= 0) close(target.root);
    for (size_t i = 0; i < target.time_count; i++) free(target.times[i].path);
    free(target.times);
    return result;
}

/* {blob, digest, diffId or "", u32 compression, target}: the target appears when it is complete. */
int unpack(struct reader *reader, struct failure *failure)
{
    const char *blob = read_text(reader), *digest = read_text(reader), *diff_id = read_text(reader);
    uint32_t compression = read_u32(reader);
    const char *target = read_text(reader);
    char partial[PATH_MAX];
    if (reader->bad || snprintf(partial, sizeof partial, "%s.partial-%d", target, (int)getpid()) >= (int)sizeof partial) return fail(failure, FAILED, "the unpack request is malformed");
    umask(0);
    int result = unpack_to(partial, blob, digest, diff_id, compression, failure);
    if (result == 0 && renameat2(AT_FDCWD, partial, AT_FDCWD, target, RENAME_NOREPLACE) < 0) result = fail_errno(failure, FAILED, "moving the unpacked layer to %s", target);
    if (result == 0) return 0;
    struct failure second = {0};
    if (remove_tree(partial, &second) < 0) fprintf(stderr, "coracle-host: %s\n", second.text);
    return -1;
}
