#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../protocol.h"
#include "host.h"

#define MOST_DEPTH 64

/* What lies deeper than MOST_DEPTH is moved up to `top` and met again there: a container may nest deeper than we have
 * descriptors, and longer than any path. */
static int empty(int directory, int top, int depth, unsigned *moved, struct failure *failure)
{
    DIR *stream = fdopendir(directory);
    if (stream == NULL) {
        close(directory);
        return fail_errno(failure, FAILED, "reading a directory to remove it");
    }
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(stream)) != NULL;) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (unlinkat(directory, name, 0) == 0 || errno == ENOENT) continue;
        if (errno != EISDIR && errno != EPERM) { result = fail_errno(failure, FAILED, "removing %s", name); break; }
        if (depth == MOST_DEPTH) {
            char up[48];
            snprintf(up, sizeof up, ".coracle-%d-%u", (int)getpid(), (*moved)++);
            if (renameat(directory, name, top, up) < 0) result = fail_errno(failure, FAILED, "moving %s up to remove it", name);
            continue;
        }
        int child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child < 0 && errno == ENOENT) continue; /* a worker of a host that has just died removes it too */
        if (child < 0) result = fail_errno(failure, FAILED, "opening %s to remove it", name);
        else if (empty(child, top, depth + 1, moved, failure) < 0) result = -1;
        else if (unlinkat(directory, name, AT_REMOVEDIR) < 0 && errno != ENOENT) result = fail_errno(failure, FAILED, "removing the directory %s", name);
    }
    closedir(stream);
    return result;
}

int remove_below(int parent, const char *name, struct failure *failure)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return 0;
    if (errno != EISDIR && errno != EPERM) return fail_errno(failure, FAILED, "removing %s", name);
    int top = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (top < 0) return fail_errno(failure, FAILED, "opening %s to remove it", name);
    int result = 0;
    for (unsigned moved = 0, before = 1; result == 0 && moved != before;) {
        before = moved;
        int fresh = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        result = fresh < 0 ? fail_errno(failure, FAILED, "opening %s again", name) : empty(fresh, top, 0, &moved, failure);
    }
    close(top);
    if (result < 0) return -1;
    return unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? fail_errno(failure, FAILED, "removing the directory %s", name) : 0;
}

int remove_tree(const char *path, struct failure *failure)
{
    return remove_below(AT_FDCWD, path, failure);
}

/* The kernel writes blanks and backslashes in mountinfo as octal. */
static void unescape(char *path)
{
    char *out = path;
    for (const char *at = path; *at != 0;) {
        if (at[0] == '\\' && at[1] != 0 && at[2] != 0 && at[3] != 0) {
            *out++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
            at += 4;
        } else {
            *out++ = *at++;
        }
    }
    *out = 0;
}

static int unmount_found(char **found, size_t count, struct failure *failure)
{
    int result = 0;
    for (size_t i = count; i-- > 0;) { /* the newest first: it may lie on another */
        if (result == 0 && umount2(found[i], MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT) result = fail_errno(failure, FAILED, "unmounting %s", found[i]);
        free(found[i]);
    }
    free(found);
    return result;
}

int unmount_below(const char *given, struct failure *failure)
{
    char *path = realpath(given, NULL); /* as mountinfo has it */
    if (path == NULL) return errno == ENOENT ? 0 : fail_errno(failure, FAILED, "resolving %s", given);
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    if (mounts == NULL) {
        free(path);
        return fail_errno(failure, FAILED, "reading /proc/self/mountinfo");
    }
    char *line = NULL, **found = NULL;
    size_t capacity = 0, count = 0, length = strlen(path);
    while (getline(&line, &capacity, mounts) > 0) {
        char *save = NULL, *field = strtok_r(line, " ", &save);
        for (int i = 0; i < 4 && field != NULL; i++) field = strtok_r(NULL, " ", &save);
        if (field == NULL) continue;
        unescape(field);
        if (strncmp(field, path, length) != 0 || (field[length] != 0 && field[length] != '/')) continue;
        found = must_realloc(found, (count + 1) * sizeof *found);
        found[count++] = strdup(field);
    }
    free(line);
    free(path);
    fclose(mounts);
    return unmount_found(found, count, failure);
}
