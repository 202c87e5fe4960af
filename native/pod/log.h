/* A container's log in the CRI format: `<time> stdout|stderr F|P <text>`, rotated here. Never blocks on a full disk. */
#ifndef CORACLE_LOG_H
#define CORACLE_LOG_H

#include "../frame.h"

enum { STREAM_OUT = 0, STREAM_ERR = 1 };
struct log;

struct log *log_open(const char *path, uint64_t max_bytes, unsigned max_files, struct failure *);
void log_write(struct log *, int stream, const uint8_t *, size_t);
/* Writes what has no newline yet, as partial lines. */
void log_end(struct log *);
void log_close(struct log *);

#endif
