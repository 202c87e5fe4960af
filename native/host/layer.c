#define _GNU_SOURCE
#include "layer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "../protocol.h"

#define CHUNK (128u << 10)

struct layer {
    int fd;
    uint32_t compression;
    EVP_MD_CTX *blob, *tar;
    z_stream gzip;
    ZSTD_DStream *zstd;
    uint8_t in[CHUNK], out[CHUNK];
    size_t in_at, in_size, out_at, out_size;
    bool input_ended, member_ended;
};

struct layer *layer_open(const char *path, uint32_t compression, struct failure *failure)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail_errno(failure, NOT_FOUND, "opening the blob %s", path);
        return NULL;
    }
    struct layer *layer = must_alloc(sizeof *layer);
    layer->fd = fd;
    layer->compression = compression;
    layer->blob = EVP_MD_CTX_new();
    layer->tar = EVP_MD_CTX_new();
    layer->member_ended = true;
    bool good = layer->blob != NULL && layer->tar != NULL && EVP_DigestInit_ex(layer->blob, EVP_sha256(), NULL) == 1 && EVP_DigestInit_ex(layer->tar, EVP_sha256(), NULL) == 1;
    if (good && compression == COMPRESSION_GZIP) good = inflateInit2(&layer->gzip, 15 + 16) == Z_OK;
    if (good && compression == COMPRESSION_ZSTD) good = (layer->zstd = ZSTD_createDStream()) != NULL;
    if (good && compression <= COMPRESSION_ZSTD) return layer;
    fail(failure, FAILED, "preparing to unpack %s", path);
    layer_close(layer);
    return NULL;
}

void layer_close(struct layer *layer)
{
    close(layer->fd);
    EVP_MD_CTX_free(layer->blob);
    EVP_MD_CTX_free(layer->tar);
    if (layer->compression == COMPRESSION_GZIP) inflateEnd(&layer->gzip);
    if (layer->zstd != NULL) ZSTD_freeDStream(layer->zstd);
    free(layer);
}

/* Fills `in` when it is empty. */
static int fill(struct layer *layer, struct failure *failure)
{
    if (layer->in_at < layer->in_size || layer->input_ended) return 0;
    ssize_t count;
    do count = read(layer->fd, layer->in, CHUNK);
    while (count < 0 && errno == EINTR);
    if (count < 0) return fail_errno(failure, FAILED, "reading the blob");
    layer->in_at = 0;
    layer->in_size = (size_t)count;
    layer->input_ended = count == 0;
    if (EVP_DigestUpdate(layer->blob, layer->in, (size_t)count) != 1) return fail(failure, FAILED, "hashing the blob");
    return 0;
}

/* gzip may be several members one after another. */
static int gunzip(struct layer *layer, struct failure *failure)
{
    if (layer->member_ended && inflateReset(&layer->gzip) != Z_OK) return fail(failure, FAILED, "resetting the decompressor");
    layer->member_ended = false;
    layer->gzip.next_in = layer->in + layer->in_at;
    layer->gzip.avail_in = (uInt)(layer->in_size - layer->in_at);
    layer->gzip.next_out = layer->out;
    layer->gzip.avail_out = CHUNK;
    int result = inflate(&layer->gzip, Z_NO_FLUSH);
    layer->in_at = layer->in_size - layer->gzip.avail_in;
    layer->out_size = CHUNK - layer->gzip.avail_out;
    layer->member_ended = result == Z_STREAM_END;
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR) return 0;
    return fail(failure, BAD_LAYER, "the blob is no valid gzip: %s", layer->gzip.msg == NULL ? "broken data" : layer->gzip.msg);
}

static int unzstd(struct layer *layer, struct failure *failure)
{
    ZSTD_inBuffer in = {layer->in, layer->in_size, layer->in_at};
    ZSTD_outBuffer out = {layer->out, CHUNK, 0};
    size_t result = ZSTD_decompressStream(layer->zstd, &out, &in);
    if (ZSTD_isError(result)) return fail(failure, BAD_LAYER, "the blob is no valid zstd: %s", ZSTD_getErrorName(result));
    layer->in_at = in.pos;
    layer->out_size = out.pos;
    layer->member_ended = result == 0;
    return 0;
}

/* Produces some output; 0 bytes of it mean the end. */
static int produce(struct layer *layer, struct failure *failure)
{
    layer->out_at = layer->out_size = 0;
    while (layer->out_size == 0) {
        if (fill(layer, failure) < 0) return -1;
        bool empty = layer->in_at == layer->in_size;
        if (empty && layer->input_ended && (layer->compression == COMPRESSION_NONE || layer->member_ended)) return 0;
        if (layer->compression == COMPRESSION_NONE) {
            layer->out_size = layer->in_size - layer->in_at;
            memcpy(layer->out, layer->in + layer->in_at, layer->out_size);
            layer->in_at = layer->in_size;
        } else if ((layer->compression == COMPRESSION_GZIP ? gunzip(layer, failure) : unzstd(layer, failure)) < 0) {
            return -1;
        }
        if (empty && layer->input_ended && layer->out_size == 0 && !layer->member_ended) return fail(failure, BAD_LAYER, "the blob ends in the middle");
    }
    return EVP_DigestUpdate(layer->tar, layer->out, layer->out_size) == 1 ? 0 : fail(failure, FAILED, "hashing the layer");
}

int layer_read(struct layer *layer, void *bytes, size_t size, struct failure *failure)
{
    uint8_t *to = bytes;
    while (size > 0) {
        if (layer->out_at == layer->out_size) {
            if (produce(layer, failure) < 0) return -1;
            if (layer->out_size == 0) return fail(failure, BAD_LAYER, "the archive ends in the middle");
        }
        size_t count = layer->out_size - layer->out_at < size ? layer->out_size - layer->out_at : size;
        if (to != NULL) {
            memcpy(to, layer->out + layer->out_at, count);
            to += count;
        }
        layer->out_at += count;
        size -= count;
    }
    return 0;
}

int layer_skip(struct layer *layer, uint64_t size, struct failure *failure)
{
    while (size > 0) {
        size_t part = size > CHUNK ? CHUNK : (size_t)size;
        if (layer_read(layer, NULL, part, failure) < 0) return -1;
        size -= part;
    }
    return 0;
}

static int compare(EVP_MD_CTX *context, const char *wanted, const char *what, struct failure *failure)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char text[80] = "sha256:";
    if (EVP_DigestFinal_ex(context, digest, &size) != 1 || size != 32) return fail(failure, FAILED, "hashing the %s", what);
    for (unsigned i = 0; i < size; i++) snprintf(text + 7 + 2 * i, 3, "%02x", digest[i]);
    if (strcmp(text, wanted) == 0) return 0;
    return fail(failure, DIGEST_MISMATCH, "the %s is %s, not %s", what, text, wanted);
}

int layer_verify(struct layer *layer, const char *digest, const char *diff_id, struct failure *failure)
{
    do {
        if (produce(layer, failure) < 0) return -1;
    } while (layer->out_size > 0);
    if (compare(layer->blob, digest, "blob", failure) < 0) return -1;
    return diff_id[0] == 0 ? 0 : compare(layer->tar, diff_id, "layer's content", failure);
}

int layer_verify_blob(struct layer *layer, const char *digest, struct failure *failure)
{
    while (!layer->input_ended) {
        layer->in_at = layer->in_size;
        if (fill(layer, failure) < 0) return -1;
    }
    return compare(layer->blob, digest, "blob", failure);
}
