/* Reading and writing the payloads of protocol.h. A reader never leaves its bytes: one bad field makes all later ones empty. */
#ifndef CORACLE_FRAME_H
#define CORACLE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

/* Little-endian; `bad` is set, and zero or "" returned, when bytes are missing or a text is not one. */
uint32_t read_u32(struct reader *);
uint64_t read_u64(struct reader *);
const char *read_text(struct reader *);
const void *read_blob(struct reader *, uint32_t *length);
/* A count that `item` bytes each can still back: hostile counts never reach an allocation. */
uint32_t read_count(struct reader *, uint32_t item);
/* A NULL-terminated array of texts that point into the frame; the array is malloc'ed. */
const char **read_texts(struct reader *, uint32_t *count);

struct buffer {
    uint8_t *data;
    size_t size, capacity;
};

void buffer_append(struct buffer *, const void *, size_t);
void buffer_drop(struct buffer *, size_t); /* from the front */
void buffer_free(struct buffer *);
void write_u32(struct buffer *, uint32_t);
void write_u64(struct buffer *, uint64_t);
void write_text(struct buffer *, const char *);
/* Opens a frame and returns its position; frame_end fills in the length. */
size_t frame_begin(struct buffer *, uint32_t type, uint32_t id);
void frame_end(struct buffer *, size_t position);
void frame_error(struct buffer *, uint32_t id, uint32_t code, const char *message);

enum frame_result { FRAME_NONE, FRAME_COMPLETE, FRAME_BROKEN };
struct frame {
    uint32_t type, id;
    struct reader payload;
    size_t size; /* whole frame, header included */
};
/* Looks at the front of `bytes`. FRAME_BROKEN: no frame of ours can begin like this; the connection is lost. */
enum frame_result frame_parse(const uint8_t *bytes, size_t size, struct frame *);

/* A failure as it travels: `code` of enum error_code (0: none), and what was being done to what. */
struct failure {
    uint32_t code;
    char text[1000];
};
/* Sets code and text, and ends the text with errno's meaning; returns -1 so that callers can `return fail(...)`. */
int fail_errno(struct failure *, uint32_t code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int fail(struct failure *, uint32_t code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* malloc that ends the process with a message instead of returning NULL: neither program can go on without memory. */
void *must_alloc(size_t);
void *must_realloc(void *, size_t);

#endif
