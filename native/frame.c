#include "frame.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"

static const uint8_t *take(struct reader *reader, size_t size)
{
    if (reader->bad || (size_t)(reader->end - reader->at) < size) {
        reader->bad = true;
        return NULL;
    }
    const uint8_t *at = reader->at;
    reader->at += size;
    return at;
}

uint32_t read_u32(struct reader *reader)
{
    const uint8_t *at = take(reader, 4);
    return at == NULL ? 0 : (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint64_t read_u64(struct reader *reader)
{
    uint64_t low = read_u32(reader);
    return low | (uint64_t)read_u32(reader) << 32;
}

const void *read_blob(struct reader *reader, uint32_t *length)
{
    uint32_t size = read_u32(reader);
    const uint8_t *at = take(reader, (size_t)size + 1);
    if (at == NULL || at[size] != 0) {
        reader->bad = true;
        *length = 0;
        return "";
    }
    *length = size;
    return at;
}

const char *read_text(struct reader *reader)
{
    uint32_t size;
    const char *text = read_blob(reader, &size);
    if (!reader->bad && strlen(text) == size) return text;
    reader->bad = true;
    return "";
}

uint32_t read_count(struct reader *reader, uint32_t item)
{
    uint32_t count = read_u32(reader);
    if (!reader->bad && (uint64_t)count * item <= (uint64_t)(reader->end - reader->at)) return count;
    reader->bad = true;
    return 0;
}

const char **read_texts(struct reader *reader, uint32_t *count)
{
    uint32_t size = read_count(reader, 5);
    const char **texts = must_alloc((size + 1) * sizeof *texts);
    for (uint32_t i = 0; i < size; i++) texts[i] = read_text(reader);
    texts[size] = NULL;
    if (count != NULL) *count = size;
    return texts;
}

void *must_realloc(void *old, size_t size)
{
    void *memory = realloc(old, size == 0 ? 1 : size);
    if (memory == NULL) {
        fprintf(stderr, "coracle: out of memory asking for %zu bytes\n", size);
        abort();
    }
    return memory;
}

void *must_alloc(size_t size)
{
    void *memory = must_realloc(NULL, size);
    memset(memory, 0, size);
    return memory;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
    if (buffer->capacity - buffer->size < size) {
        size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
        while (capacity - buffer->size < size) capacity *= 2;
        buffer->data = must_realloc(buffer->data, capacity);
        buffer->capacity = capacity;
    }
    if (size > 0) memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
}

void buffer_drop(struct buffer *buffer, size_t size)
{
    buffer->size -= size;
    if (buffer->size > 0) memmove(buffer->data, buffer->data + size, buffer->size);
    else if (buffer->capacity > 65536) buffer_free(buffer); /* idle supervisors stay small */
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void write_u32(struct buffer *buffer, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    buffer_append(buffer, bytes, sizeof bytes);
}

void write_u64(struct buffer *buffer, uint64_t value)
{
    write_u32(buffer, (uint32_t)value);
    write_u32(buffer, (uint32_t)(value >> 32));
}

void write_text(struct buffer *buffer, const char *text)
{
    size_t size = strlen(text);
    write_u32(buffer, (uint32_t)size);
    buffer_append(buffer, text, size + 1);
}

size_t frame_begin(struct buffer *buffer, uint32_t type, uint32_t id)
{
    size_t position = buffer->size;
    write_u32(buffer, 0);
    write_u32(buffer, type);
    write_u32(buffer, id);
    return position;
}

void frame_end(struct buffer *buffer, size_t position)
{
    uint32_t length = (uint32_t)(buffer->size - position - 4);
    uint8_t *at = buffer->data + position;
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(length >> (8 * i));
}

void frame_error(struct buffer *buffer, uint32_t id, uint32_t code, const char *message)
{
    size_t position = frame_begin(buffer, ERROR, id);
    write_u32(buffer, code);
    write_text(buffer, message);
    frame_end(buffer, position);
}

enum frame_result frame_parse(const uint8_t *bytes, size_t size, struct frame *frame)
{
    if (size < 4) return FRAME_NONE;
    struct reader reader = {bytes, bytes + size, false};
    uint32_t length = read_u32(&reader);
    if (length < FRAME_HEADER - 4 || length > FRAME_MAX) return FRAME_BROKEN;
    if (size - 4 < length) return FRAME_NONE;
    frame->type = read_u32(&reader);
    frame->id = read_u32(&reader);
    frame->payload = (struct reader){reader.at, bytes + 4 + length, false};
    frame->size = (size_t)length + 4;
    return FRAME_COMPLETE;
}

static void describe(struct failure *failure, uint32_t code, const char *format, va_list arguments)
{
    failure->code = code;
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
}

int fail(struct failure *failure, uint32_t code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    describe(failure, code, format, arguments);
    va_end(arguments);
    return -1;
}

int fail_errno(struct failure *failure, uint32_t code, const char *format, ...)
{
    int reason = errno;
    va_list arguments;
    va_start(arguments, format);
    describe(failure, code, format, arguments);
    va_end(arguments);
    size_t used = strlen(failure->text);
    snprintf(failure->text + used, sizeof failure->text - used, ": %s", strerror(reason));
    errno = reason;
    return -1;
}
