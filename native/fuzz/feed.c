/*
 * The parsers of both programs, without the programs: reads one input from a file, as hostile bytes would reach them. Built with
 * sanitizers (`make sanitized`) and driven by test/runtime/hostile.test.ts; ends with 0 when the input was taken or refused.
 *
 *   feed tar <file>     a layer's archive, entry by entry
 *   feed spec <file>    a container's specification
 *   feed frames <file>  a stream of frames
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../host/layer.h"
#include "../pod/spec.h"

static int feed_tar(const char *path)
{
    struct failure failure = {0};
    struct tar_entry entry;
    struct layer *layer = layer_open(path, COMPRESSION_NONE, &failure);
    if (layer == NULL) return 2;
    while (tar_next(layer, &entry, &failure) == 1) {
        uint64_t size = entry.size + tar_padding(entry.size);
        tar_entry_free(&entry);
        if (layer_skip(layer, size, &failure) < 0) break;
    }
    layer_close(layer);
    printf("%s\n", failure.code == 0 ? "taken" : failure.text);
    return 0;
}

static uint8_t *read_all(const char *path, size_t *size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) return NULL;
    struct buffer buffer = {0};
    uint8_t bytes[4096];
    for (size_t count; (count = fread(bytes, 1, sizeof bytes, file)) > 0;) buffer_append(&buffer, bytes, count);
    fclose(file);
    /* exactly as long as the input: one byte too far is seen */
    uint8_t *exact = malloc(buffer.size == 0 ? 1 : buffer.size);
    if (exact != NULL && buffer.size > 0) memcpy(exact, buffer.data, buffer.size);
    *size = buffer.size;
    buffer_free(&buffer);
    return exact;
}

static int feed_spec(const uint8_t *bytes, size_t size)
{
    struct reader reader = {bytes, bytes + size, false};
    struct spec spec;
    bool good = spec_parse(&reader, &spec);
    printf("%s\n", good ? "taken" : "refused");
    spec_free(&spec);
    return 0;
}

static int feed_frames(const uint8_t *bytes, size_t size)
{
    struct frame frame;
    size_t at = 0;
    while (frame_parse(bytes + at, size - at, &frame) == FRAME_COMPLETE) {
        free(read_texts(&frame.payload, NULL));
        at += frame.size;
    }
    printf("%zu of %zu bytes were frames\n", at, size);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    if (strcmp(argv[1], "tar") == 0) return feed_tar(argv[2]);
    size_t size;
    uint8_t *bytes = read_all(argv[2], &size);
    if (bytes == NULL) return 2;
    int result = strcmp(argv[1], "spec") == 0 ? feed_spec(bytes, size) : strcmp(argv[1], "frames") == 0 ? feed_frames(bytes, size) : 2;
    free(bytes);
    return result;
}
