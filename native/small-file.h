#ifndef CORACLE_SMALL_FILE_H
#define CORACLE_SMALL_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* As much of a file of the kernel's as `text` holds, as a string, and its length; empty when it can't be read: what it tells of may
 * be gone. A relative `path` is below `directory`. */
static inline size_t read_small(int directory, const char *path, char *text, size_t size)
{
    int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, size - 1);
    if (fd >= 0) close(fd);
    text[length < 0 ? 0 : length] = 0;
    return length < 0 ? 0 : (size_t)length;
}

/* Gives the kernel `text` through a file that is there; 0 or -1 with errno. A relative `path` is below `directory`. */
static inline int write_small(int directory, const char *path, const char *text)
{
    int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t written = write(fd, text, strlen(text));
    int reason = errno;
    close(fd);
    errno = reason;
    return written < 0 ? -1 : 0;
}

#endif
