/* A layer's bytes: compressed blob in, tar out, digests of both taken on the way. */
#ifndef CORACLE_LAYER_H
#define CORACLE_LAYER_H

#include "../frame.h"

struct layer;
enum compression { COMPRESSION_NONE = 0, COMPRESSION_GZIP = 1, COMPRESSION_ZSTD = 2 };

struct layer *layer_open(const char *path, uint32_t compression, struct failure *);
/* Exactly `size` bytes of tar, or -1. */
int layer_read(struct layer *, void *, size_t size, struct failure *);
int layer_skip(struct layer *, uint64_t size, struct failure *);
/* Reads what is left, then compares: `digest` of the blob, `diff_id` of the tar ("" when unknown), both `sha256:…`. */
int layer_verify(struct layer *, const char *digest, const char *diff_id, struct failure *);
/* For an archive that made no sense: reads the rest of the blob as it is, and says whether it is the wanted one at all. */
int layer_verify_blob(struct layer *, const char *digest, struct failure *);
void layer_close(struct layer *);

/* unpack.c: attributes that layers carry. They mean something to programs; `trusted.` and other `security.` ones could forge overlay's own or labels. */
bool layer_attribute(const char *name);

/* tar.c: the entries of an archive, with pax and GNU extensions folded in. */
struct tar_entry {
    char type; /* '0' file, '1' hard link, '2' symbolic link, '3' '4' device, '5' directory, '6' fifo */
    char *name, *link;
    uint64_t size;
    uint32_t mode, uid, gid, major, minor;
    int64_t mtime;
    struct tar_xattr {
        char *name, *value;
        size_t size;
    } *xattrs;
    uint32_t xattr_count;
};
/* 1: an entry; its `size` bytes of content follow, then tar_padding. 0: the archive's end. -1: failure. */
int tar_next(struct layer *, struct tar_entry *, struct failure *);
uint64_t tar_padding(uint64_t size);
void tar_entry_free(struct tar_entry *);

#endif
