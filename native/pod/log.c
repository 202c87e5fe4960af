#define _GNU_SOURCE
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../protocol.h"

#define LINE_MAX_BYTES 16384u /* longer lines are split into partial ones, as every CRI runtime does */

struct log {
    int fd;
    char *path;
    uint64_t size, max_bytes, dropped;
    unsigned max_files;
    struct buffer partial[2], out;
};

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
}

struct log *log_open(const char *path, uint64_t max_bytes, unsigned max_files, struct failure *failure)
{
    int fd = open_file(path);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        fail_errno(failure, FAILED, "opening the log %s", path);
        if (fd >= 0) close(fd);
        return NULL;
    }
    struct log *log = must_alloc(sizeof *log);
    *log = (struct log){.fd = fd, .path = strdup(path), .size = (uint64_t)status.st_size, .max_bytes = max_bytes, .max_files = max_files};
    return log;
}

/* path.3 -> path.4, …, path -> path.1: max_files counts the one being written. */
static void rotate(struct log *log)
{
    char older[PATH_MAX], newer[PATH_MAX];
    for (unsigned i = log->max_files; i-- > 1;) {
        snprintf(older, sizeof older, "%s.%u", log->path, i);
        if (i == 1) snprintf(newer, sizeof newer, "%s", log->path);
        else snprintf(newer, sizeof newer, "%s.%u", log->path, i - 1);
        if (rename(newer, older) < 0 && errno != ENOENT) fprintf(stderr, "coracle-pod: renaming %s to %s: %s\n", newer, older, strerror(errno));
    }
    if (log->max_files <= 1) unlink(log->path);
    int fd = open_file(log->path);
    if (fd < 0) return; /* goes on in the old file, and tries again at the next line */
    close(log->fd);
    log->fd = fd;
    log->size = 0;
}

/* All or nothing: a line that only half fits is taken back. */
static bool append(struct log *log, const void *bytes, size_t size)
{
    ssize_t written = write(log->fd, bytes, size);
    if (written == (ssize_t)size) {
        log->size += size;
        return true;
    }
    if (written > 0 && ftruncate(log->fd, (off_t)log->size) < 0) log->size += (uint64_t)written;
    return false;
}

static void stamp(char *text, size_t size, int stream, bool full)
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t used = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + used, size - used, ".%09ldZ %s %c ", now.tv_nsec, stream == STREAM_OUT ? "stdout" : "stderr", full ? 'F' : 'P');
}

static void flush(struct log *log)
{
    if (log->out.size == 0) return;
    if (log->max_bytes > 0 && log->size > 0 && log->size + log->out.size > log->max_bytes) rotate(log);
    if (log->dropped > 0) {
        char line[160];
        stamp(line, sizeof line, STREAM_ERR, true);
        size_t used = strlen(line);
        snprintf(line + used, sizeof line - used, "coracle: %llu bytes of log were dropped: the disk refused them\n", (unsigned long long)log->dropped);
        if (append(log, line, strlen(line))) log->dropped = 0;
    }
    if (log->dropped > 0 || !append(log, log->out.data, log->out.size)) log->dropped += log->out.size;
    log->out.size = 0;
}

static void emit(struct log *log, int stream, bool full, const uint8_t *head, size_t head_size, const uint8_t *tail, size_t tail_size)
{
    char prefix[64];
    stamp(prefix, sizeof prefix, stream, full);
    buffer_append(&log->out, prefix, strlen(prefix));
    buffer_append(&log->out, head, head_size);
    buffer_append(&log->out, tail, tail_size);
    buffer_append(&log->out, "\n", 1);
    if (log->out.size > 4 * LINE_MAX_BYTES) flush(log);
}

void log_write(struct log *log, int stream, const uint8_t *bytes, size_t size)
{
    struct buffer *partial = &log->partial[stream];
    while (size > 0) {
        const uint8_t *newline = memchr(bytes, '\n', size);
        size_t length = newline == NULL ? size : (size_t)(newline - bytes), room = LINE_MAX_BYTES - partial->size;
        if (newline != NULL && length <= room) {
            emit(log, stream, true, partial->data, partial->size, bytes, length);
            buffer_free(partial);
            length++;
        } else if (length >= room) {
            emit(log, stream, false, partial->data, partial->size, bytes, room);
            buffer_free(partial);
            length = room;
        } else {
            buffer_append(partial, bytes, length);
        }
        bytes += length;
        size -= length;
    }
    flush(log);
}

void log_end(struct log *log)
{
    for (int stream = STREAM_OUT; stream <= STREAM_ERR; stream++) {
        struct buffer *partial = &log->partial[stream];
        if (partial->size > 0) emit(log, stream, false, partial->data, partial->size, NULL, 0);
        buffer_free(partial);
    }
    flush(log);
}

void log_close(struct log *log)
{
    if (log == NULL) return;
    log_end(log);
    buffer_free(&log->out);
    close(log->fd);
    free(log->path);
    free(log);
}
