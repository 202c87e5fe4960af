/* A directory into one tar, the way back from unpack.c: entries sorted by name, owners, modes, links, devices and attributes as they
 * are, all times the same, so that equal directories make equal bytes. Numbers and names that a ustar header can't hold go into pax
 * records. Never follows a link, never enters another file system. */
#define _GNU_SOURCE
#include <dirent.h>
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

#include "../protocol.h"
#include "host.h"
#include "layer.h"

#define BLOCK 512u
#define LARGEST_ATTRIBUTE (64u << 10)

/* The first name of a file that has several. */
struct first_name {
    dev_t device;
    ino_t inode;
    char *path;
};
struct archive {
    FILE *out;
    dev_t device; /* of the directory itself */
    uint64_t mtime;
    struct first_name *names;
    size_t name_count;
};

static int put(struct archive *archive, const void *bytes, size_t size, struct failure *failure)
{
    return fwrite(bytes, 1, size, archive->out) == size ? 0 : fail_errno(failure, FAILED, "writing the archive");
}

static int pad(struct archive *archive, uint64_t size, struct failure *failure)
{
    static const uint8_t zeros[BLOCK];
    return put(archive, zeros, (size_t)tar_padding(size), failure);
}

/* `<length> <key>=<value>\n`, where the length counts itself. */
static void add_record(struct buffer *pax, const char *key, const void *value, size_t size)
{
    size_t rest = strlen(key) + size + 3, length = rest;
    char text[24];
    do length = rest + (size_t)snprintf(text, sizeof text, "%zu", length);
    while (length != rest + (size_t)snprintf(text, sizeof text, "%zu", length));
    buffer_append(pax, text, strlen(text));
    buffer_append(pax, " ", 1);
    buffer_append(pax, key, strlen(key));
    buffer_append(pax, "=", 1);
    buffer_append(pax, value, size);
    buffer_append(pax, "\n", 1);
}

/* Octal into a field of the header; what is too large goes into a pax record, where there is one for it. */
static int set_number(char *field, size_t size, uint64_t value, const char *key, struct buffer *pax, struct failure *failure)
{
    if (value >> (3 * (size - 1)) == 0) {
        snprintf(field, size, "%0*llo", (int)size - 1, (unsigned long long)value);
        return 0;
    }
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    if (key == NULL) return fail(failure, FAILED, "the device number %s is too large for an archive", text);
    add_record(pax, key, text, strlen(text));
    return 0;
}

static void set_text(char *field, const char *text, const char *key, struct buffer *pax)
{
    size_t size = strlen(text);
    memcpy(field, text, size > 100 ? 100 : size);
    if (size > 100) add_record(pax, key, text, size);
}

static int put_block(struct archive *archive, char type, char header[BLOCK], struct failure *failure)
{
    unsigned sum = 0;
    header[156] = type;
    memcpy(header + 257, "ustar\00000", 8);
    memset(header + 148, ' ', 8);
    for (unsigned i = 0; i < BLOCK; i++) sum += (uint8_t)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    return put(archive, header, BLOCK, failure);
}

static int put_pax(struct archive *archive, const struct buffer *pax, struct failure *failure)
{
    char header[BLOCK] = "pax";
    struct buffer none = {0};
    if (pax->size == 0) return 0;
    if (set_number(header + 100, 8, 0644, NULL, &none, failure) < 0 || set_number(header + 108, 8, 0, NULL, &none, failure) < 0 ||
        set_number(header + 116, 8, 0, NULL, &none, failure) < 0 || set_number(header + 124, 12, pax->size, NULL, &none, failure) < 0 ||
        set_number(header + 136, 12, 0, NULL, &none, failure) < 0) return -1;
    if (put_block(archive, 'x', header, failure) < 0 || put(archive, pax->data, pax->size, failure) < 0) return -1;
    return pad(archive, pax->size, failure);
}

static int put_header(struct archive *archive, char type, const char *path, const char *link, uint64_t size, const struct stat *status, struct buffer *pax, struct failure *failure)
{
    char header[BLOCK] = {0};
    bool device = type == '3' || type == '4';
    set_text(header, path, "path", pax);
    set_text(header + 157, link, "linkpath", pax);
    if (set_number(header + 100, 8, status->st_mode & 07777, NULL, pax, failure) < 0 || set_number(header + 108, 8, status->st_uid, "uid", pax, failure) < 0 ||
        set_number(header + 116, 8, status->st_gid, "gid", pax, failure) < 0 || set_number(header + 124, 12, size, "size", pax, failure) < 0 ||
        set_number(header + 136, 12, archive->mtime, "mtime", pax, failure) < 0 ||
        set_number(header + 329, 8, device ? major(status->st_rdev) : 0, NULL, pax, failure) < 0 ||
        set_number(header + 337, 8, device ? minor(status->st_rdev) : 0, NULL, pax, failure) < 0) return -1;
    return put_pax(archive, pax, failure) < 0 ? -1 : put_block(archive, type, header, failure);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++) free(texts[i]);
    free(texts);
}

/* Attributes in the order of their names: the kernel's is not always the same. */
static int add_attributes(int fd, const char *path, struct buffer *pax, struct failure *failure)
{
    static char names[LARGEST_ATTRIBUTE], value[LARGEST_ATTRIBUTE];
    ssize_t size = flistxattr(fd, names, sizeof names);
    if (size < 0) return errno == ENOTSUP ? 0 : fail_errno(failure, FAILED, "reading the attributes of %s", path);
    char **wanted = NULL;
    size_t count = 0;
    for (char *name = names; name < names + size; name += strlen(name) + 1) {
        if (!layer_attribute(name)) continue;
        wanted = must_realloc(wanted, (count + 1) * sizeof *wanted);
        wanted[count++] = strdup(name);
    }
    if (count > 0) qsort(wanted, count, sizeof *wanted, compare_texts);
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        char key[XATTR_NAME_MAX + 32];
        ssize_t length = fgetxattr(fd, wanted[i], value, sizeof value);
        if (length < 0) result = fail_errno(failure, FAILED, "reading the attribute %s of %s", wanted[i], path);
        snprintf(key, sizeof key, "SCHILY.xattr.%s", wanted[i]);
        if (result == 0) add_record(pax, key, value, (size_t)length);
    }
    free_texts(wanted, count);
    return result;
}

/* The name under which this file is in the archive already; NULL the first time. */
static const char *known_as(struct archive *archive, const struct stat *status, const char *path)
{
    if (status->st_nlink < 2) return NULL;
    for (size_t i = 0; i < archive->name_count; i++) {
        if (archive->names[i].inode == status->st_ino && archive->names[i].device == status->st_dev) return archive->names[i].path;
    }
    archive->names = must_realloc(archive->names, (archive->name_count + 1) * sizeof *archive->names);
    archive->names[archive->name_count++] = (struct first_name){status->st_dev, status->st_ino, strdup(path)};
    return NULL;
}

static int put_content(struct archive *archive, int fd, const char *path, uint64_t size, struct failure *failure)
{
    static uint8_t bytes[128u << 10];
    for (uint64_t left = size; left > 0;) {
        ssize_t count = read(fd, bytes, left > sizeof bytes ? sizeof bytes : (size_t)left);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_errno(failure, FAILED, "reading %s", path);
        if (count == 0) return fail(failure, FAILED, "%s became shorter while it was read", path);
        if (put(archive, bytes, (size_t)count, failure) < 0) return -1;
        left -= (uint64_t)count;
    }
    return pad(archive, size, failure);
}

static int put_file(struct archive *archive, int parent, const char *name, const char *path, const struct stat *status, struct failure *failure)
{
    struct buffer pax = {0};
    const char *first = known_as(archive, status, path);
    if (first != NULL) {
        int linked = put_header(archive, '1', path, first, 0, status, &pax, failure);
        buffer_free(&pax);
        return linked;
    }
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat opened;
    if (fd < 0) return fail_errno(failure, FAILED, "opening %s", path);
    int result = fstat(fd, &opened) < 0 || opened.st_ino != status->st_ino || !S_ISREG(opened.st_mode) ? fail(failure, FAILED, "%s was replaced while it was read", path) : 0;
    if (result == 0) result = add_attributes(fd, path, &pax, failure);
    if (result == 0) result = put_header(archive, '0', path, "", (uint64_t)opened.st_size, &opened, &pax, failure);
    if (result == 0) result = put_content(archive, fd, path, (uint64_t)opened.st_size, failure);
    buffer_free(&pax);
    close(fd);
    return result;
}

/* Symbolic link, device or fifo. */
static int put_special(struct archive *archive, int parent, const char *name, const char *path, const struct stat *status, struct failure *failure)
{
    char link[PATH_MAX] = "";
    struct buffer pax = {0};
    char type = S_ISLNK(status->st_mode) ? '2' : S_ISCHR(status->st_mode) ? '3' : S_ISBLK(status->st_mode) ? '4' : '6';
    if (type == '2') {
        ssize_t size = readlinkat(parent, name, link, sizeof link - 1);
        if (size < 0) return fail_errno(failure, FAILED, "reading the link %s", path);
        link[size] = 0;
    }
    if (type == '3' && status->st_rdev == 0) return fail(failure, FAILED, "%s is overlay's whiteout, which no layer may have", path);
    const char *first = type == '2' ? NULL : known_as(archive, status, path);
    int result = put_header(archive, first == NULL ? type : '1', path, first == NULL ? link : first, 0, status, &pax, failure);
    buffer_free(&pax);
    return result;
}

static int put_below(struct archive *, int directory, const char *path, struct failure *);

static int put_directory(struct archive *archive, int parent, const char *name, const char *path, const struct stat *status, struct failure *failure)
{
    struct buffer pax = {0};
    char slashed[PATH_MAX + 2];
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return fail_errno(failure, FAILED, "opening the directory %s", path);
    snprintf(slashed, sizeof slashed, "%s/", path);
    int result = add_attributes(fd, path, &pax, failure);
    if (result == 0) result = put_header(archive, '5', slashed, "", 0, status, &pax, failure);
    buffer_free(&pax);
    /* what is mounted there is not the image's */
    if (result < 0 || status->st_dev != archive->device) return close(fd), result;
    return put_below(archive, fd, path, failure);
}

static int put_entry(struct archive *archive, int parent, const char *name, const char *path, struct failure *failure)
{
    struct stat status;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return fail_errno(failure, FAILED, "looking at %s", path);
    if (strncmp(name, ".wh.", 4) == 0) return fail(failure, FAILED, "%s would hide a file of the layers below: rename it", path);
    if (S_ISSOCK(status.st_mode)) return 0; /* no archive can hold one; who listens on it makes it */
    if (S_ISDIR(status.st_mode)) return put_directory(archive, parent, name, path, &status, failure);
    return (S_ISREG(status.st_mode) ? put_file : put_special)(archive, parent, name, path, &status, failure);
}

static int read_names(DIR *stream, const char *path, char ***names, size_t *count, struct failure *failure)
{
    struct dirent *entry;
    while (errno = 0, (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        *names = must_realloc(*names, (*count + 1) * sizeof **names);
        (*names)[(*count)++] = strdup(entry->d_name);
    }
    if (errno != 0) return fail_errno(failure, FAILED, "reading the directory /%s", path);
    if (*count > 0) qsort(*names, *count, sizeof **names, compare_texts);
    return 0;
}

/* Takes `directory`; `path` is "" for the whole. */
static int put_below(struct archive *archive, int directory, const char *path, struct failure *failure)
{
    DIR *stream = fdopendir(directory);
    if (stream == NULL) {
        close(directory);
        return fail_errno(failure, FAILED, "reading the directory /%s", path);
    }
    char **names = NULL;
    size_t count = 0;
    int result = read_names(stream, path, &names, &count, failure);
    for (size_t i = 0; i < count && result == 0; i++) {
        size_t size = strlen(path) + strlen(names[i]) + 2;
        if (size > PATH_MAX) result = fail(failure, FAILED, "a path below the directory is longer than %d bytes", PATH_MAX);
        if (result < 0) break;
        char *below = must_alloc(size);
        snprintf(below, size, "%s%s%s", path, path[0] == 0 ? "" : "/", names[i]);
        result = put_entry(archive, dirfd(stream), names[i], below, failure);
        free(below);
    }
    free_texts(names, count);
    closedir(stream);
    return result;
}

/* {directory, u64 mtime in seconds since the epoch, target}: the target must not exist, and is removed after a failure. */
int pack(struct reader *reader, struct failure *failure)
{
    static const uint8_t end[2 * BLOCK];
    const char *directory = read_text(reader);
    struct archive archive = {.mtime = read_u64(reader)};
    const char *target = read_text(reader);
    struct stat status;
    if (reader->bad) return fail(failure, FAILED, "the pack request is malformed");
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0) return fail_errno(failure, NOT_FOUND, "opening the directory %s", directory);
    archive.device = status.st_dev;
    archive.out = fopen(target, "wxe");
    if (archive.out == NULL) return close(fd), fail_errno(failure, FAILED, "making %s", target);
    int result = put_below(&archive, fd, "", failure);
    if (result == 0) result = put(&archive, end, sizeof end, failure);
    if (fclose(archive.out) != 0 && result == 0) result = fail_errno(failure, FAILED, "writing %s", target);
    if (result < 0) unlink(target);
    for (size_t i = 0; i < archive.name_count; i++) free(archive.names[i].path);
    free(archive.names);
    return result;
}
