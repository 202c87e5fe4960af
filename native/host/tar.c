#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol.h"
#include "layer.h"

#define BLOCK 512u
#define MOST_EXTENSION (1u << 20) /* pax records of one entry */

/* Where the fields of a ustar header are. */
enum { AT_NAME = 0, AT_MODE = 100, AT_UID = 108, AT_GID = 116, AT_SIZE = 124, AT_MTIME = 136, AT_CHECKSUM = 148, AT_TYPE = 156, AT_LINK = 157,
       AT_MAGIC = 257, AT_MAJOR = 329, AT_MINOR = 337, AT_PREFIX = 345 };

uint64_t tar_padding(uint64_t size)
{
    return (BLOCK - size % BLOCK) % BLOCK;
}

void tar_entry_free(struct tar_entry *entry)
{
    free(entry->name);
    free(entry->link);
    for (uint32_t i = 0; i < entry->xattr_count; i++) {
        free(entry->xattrs[i].name);
        free(entry->xattrs[i].value);
    }
    free(entry->xattrs);
    *entry = (struct tar_entry){0};
}

/* Octal text, or big-endian binary when the first bit is set (GNU). */
static int number(const uint8_t *field, size_t size, uint64_t *value, struct failure *failure)
{
    *value = 0;
    if (field[0] & 0x80) {
        for (size_t i = 0; i < size; i++) {
            if (*value >> 55 != 0) return fail(failure, BAD_LAYER, "a number in a tar header is too large");
            *value = *value << 8 | (i == 0 ? field[0] & 0x7f : field[i]);
        }
        return 0;
    }
    size_t i = 0;
    while (i < size && field[i] == ' ') i++;
    for (; i < size && field[i] != 0 && field[i] != ' '; i++) {
        if (field[i] < '0' || field[i] > '7') return fail(failure, BAD_LAYER, "a number in a tar header is no number");
        *value = *value << 3 | (uint64_t)(field[i] - '0');
    }
    return 0;
}

static int check_sum(const uint8_t *header, struct failure *failure)
{
    uint64_t wanted, sum = 0;
    if (number(header + AT_CHECKSUM, 8, &wanted, failure) < 0) return -1;
    for (unsigned i = 0; i < BLOCK; i++) sum += i >= AT_CHECKSUM && i < AT_CHECKSUM + 8 ? ' ' : header[i];
    return sum == wanted ? 0 : fail(failure, BAD_LAYER, "a tar header's checksum is wrong");
}

/* The content of an extension entry, with a NUL after it. */
static char *read_extension(struct layer *layer, uint64_t size, struct failure *failure)
{
    if (size > MOST_EXTENSION) {
        fail(failure, BAD_LAYER, "an extended tar header has %llu bytes", (unsigned long long)size);
        return NULL;
    }
    char *text = must_alloc((size_t)size + 1);
    if (layer_read(layer, text, (size_t)size, failure) == 0 && layer_skip(layer, tar_padding(size), failure) == 0) return text;
    free(text);
    return NULL;
}

struct overrides {
    struct tar_entry entry; /* name, link, xattrs */
    bool has_size, has_uid, has_gid, has_mtime;
};

static int decimal(const char *text, uint64_t *value, struct failure *failure)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (errno == 0 && end != text && (*end == 0 || *end == '.')) return 0;
    return fail(failure, BAD_LAYER, "the number '%.40s' in an extended tar header is none", text);
}

static int id_of(uint64_t value, uint32_t *id, struct failure *failure)
{
    if (value >= UINT32_MAX) return fail(failure, BAD_LAYER, "the owner %llu of a tar entry is out of range", (unsigned long long)value);
    *id = (uint32_t)value;
    return 0;
}

static int apply_record(struct overrides *overrides, const char *key, const char *value, size_t size, struct failure *failure)
{
    struct tar_entry *entry = &overrides->entry;
    uint64_t numeric;
    if (strcmp(key, "path") == 0 || strcmp(key, "linkpath") == 0) {
        char **field = key[0] == 'p' ? &entry->name : &entry->link;
        free(*field);
        *field = strdup(value);
        return 0;
    }
    if (strcmp(key, "size") == 0) return overrides->has_size = true, decimal(value, &entry->size, failure);
    if (strcmp(key, "uid") == 0) return overrides->has_uid = true, decimal(value, &numeric, failure) < 0 ? -1 : id_of(numeric, &entry->uid, failure);
    if (strcmp(key, "gid") == 0) return overrides->has_gid = true, decimal(value, &numeric, failure) < 0 ? -1 : id_of(numeric, &entry->gid, failure);
    if (strcmp(key, "mtime") == 0) {
        overrides->has_mtime = true;
        entry->mtime = strtoll(value, NULL, 10);
        return 0;
    }
    if (strncmp(key, "GNU.sparse.", 11) == 0) return fail(failure, BAD_LAYER, "sparse files in layers are not supported");
    if (strncmp(key, "SCHILY.xattr.", 13) != 0) return 0;
    if (entry->xattr_count == 256) return fail(failure, BAD_LAYER, "a tar entry has more than 256 extended attributes");
    entry->xattrs = must_realloc(entry->xattrs, (entry->xattr_count + 1) * sizeof *entry->xattrs);
    struct tar_xattr *xattr = &entry->xattrs[entry->xattr_count++];
    xattr->name = strdup(key + 13);
    xattr->value = must_alloc(size + 1);
    memcpy(xattr->value, value, size);
    xattr->size = size;
    return 0;
}

/* `<length> <key>=<value>\n`, again and again. */
static int apply_pax(struct overrides *overrides, char *text, uint64_t size, struct failure *failure)
{
    char *at = text, *end = text + size;
    while (at < end) {
        char *rest;
        unsigned long length = strtoul(at, &rest, 10);
        if (*rest != ' ' || length < 5 || length > (size_t)(end - at) || rest > at + length || at[length - 1] != '\n') return fail(failure, BAD_LAYER, "an extended tar header is malformed");
        char *next = at + length, *key = rest + 1, *equals = memchr(key, '=', (size_t)(next - key));
        if (equals == NULL || memchr(key, 0, (size_t)(equals - key)) != NULL) return fail(failure, BAD_LAYER, "an extended tar header is malformed");
        *equals = 0;
        next[-1] = 0;
        if (apply_record(overrides, key, equals + 1, (size_t)(next - 1 - (equals + 1)), failure) < 0) return -1;
        at = next;
    }
    return 0;
}

static char *field_text(const uint8_t *field, size_t size)
{
    return strndup((const char *)field, size);
}

static char *header_name(const uint8_t *header)
{
    char name[300];
    bool prefixed = memcmp(header + AT_MAGIC, "ustar", 6) == 0 && header[AT_PREFIX] != 0;
    if (!prefixed) return field_text(header, 100);
    snprintf(name, sizeof name, "%.155s/%.100s", (const char *)header + AT_PREFIX, (const char *)header);
    return strdup(name);
}

static int fill_entry(const uint8_t *header, struct overrides *overrides, struct tar_entry *entry, struct failure *failure)
{
    uint64_t mode, uid, gid, size, mtime, major, minor;
    *entry = overrides->entry; /* takes what it owns */
    overrides->entry = (struct tar_entry){0};
    if (number(header + AT_MODE, 8, &mode, failure) < 0 || number(header + AT_UID, 8, &uid, failure) < 0 || number(header + AT_GID, 8, &gid, failure) < 0 ||
        number(header + AT_SIZE, 12, &size, failure) < 0 || number(header + AT_MTIME, 12, &mtime, failure) < 0) return -1;
    if (number(header + AT_MAJOR, 8, &major, failure) < 0 || number(header + AT_MINOR, 8, &minor, failure) < 0) return -1;
    entry->type = header[AT_TYPE] == 0 || header[AT_TYPE] == '7' ? '0' : (char)header[AT_TYPE];
    entry->mode = (uint32_t)mode & 07777;
    if (!overrides->has_uid && id_of(uid, &entry->uid, failure) < 0) return -1;
    if (!overrides->has_gid && id_of(gid, &entry->gid, failure) < 0) return -1;
    if (!overrides->has_size) entry->size = size;
    if (!overrides->has_mtime) entry->mtime = (int64_t)mtime;
    entry->major = (uint32_t)major;
    entry->minor = (uint32_t)minor;
    if (entry->name == NULL) entry->name = header_name(header);
    if (entry->link == NULL) entry->link = field_text(header + AT_LINK, 100);
    if (entry->type != '0') entry->size = 0; /* links carry a size without content */
    return entry->size > INT64_MAX ? fail(failure, BAD_LAYER, "a file in the layer is too large") : 0;
}

/* True when the header was an extension, folded into the overrides. -1: failure. */
static int take_extension(struct layer *layer, const uint8_t *header, struct overrides *overrides, struct failure *failure)
{
    char type = (char)header[AT_TYPE];
    if (type != 'x' && type != 'g' && type != 'L' && type != 'K') return 0;
    uint64_t size;
    if (number(header + AT_SIZE, 12, &size, failure) < 0) return -1;
    char *text = read_extension(layer, size, failure);
    if (text == NULL) return -1;
    int result = 1;
    if (type == 'x') result = apply_pax(overrides, text, size, failure) < 0 ? -1 : 1;
    if (type == 'L' || type == 'K') result = apply_record(overrides, type == 'L' ? "path" : "linkpath", text, strlen(text), failure) < 0 ? -1 : 1;
    free(text);
    return result;
}

int tar_next(struct layer *layer, struct tar_entry *entry, struct failure *failure)
{
    uint8_t header[BLOCK];
    static const uint8_t zeros[BLOCK];
    struct overrides overrides = {0};
    int result = 1;
    *entry = (struct tar_entry){0};
    while (result == 1) {
        if (layer_read(layer, header, BLOCK, failure) < 0) result = -1;
        else if (memcmp(header, zeros, BLOCK) == 0) result = 0;
        else if (check_sum(header, failure) < 0) result = -1;
        else if ((result = take_extension(layer, header, &overrides, failure)) == 0) {
            result = fill_entry(header, &overrides, entry, failure) < 0 ? -1 : 1;
            break;
        }
    }
    if (result != 1) tar_entry_free(&overrides.entry);
    if (result == -1) tar_entry_free(entry);
    return result;
}
