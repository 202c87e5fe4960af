/* Which directories of an unpacked layer hide what the layers below have in theirs: only root can read the attribute that says so. */
#define _GNU_SOURCE
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../protocol.h"
#include "host.h"

#define MOST_OPEN 64

/* nftw takes no argument of ours. */
static FILE *out;
static size_t root_size;

static int look_at(const char *path, const struct stat *status, int type, struct FTW *place)
{
    char value[2];
    (void)status;
    (void)place;
    if (type == FTW_DNR || type == FTW_NS) return -1;
    if (type != FTW_D || lgetxattr(path, "trusted.overlay.opaque", value, sizeof value) != 1 || value[0] != 'y') return 0;
    const char *inside = path + root_size;
    return fwrite(inside, 1, strlen(inside) + 1, out) == strlen(inside) + 1 ? 0 : -1;
}

/* {directory, target}: the target, which must not exist, gets their paths (`/a/b`; "" is the directory itself), each with a NUL behind it. */
int opaque(struct reader *reader, struct failure *failure)
{
    const char *directory = read_text(reader), *target = read_text(reader);
    if (reader->bad) return fail(failure, FAILED, "the request for opaque directories is malformed");
    out = fopen(target, "wxe");
    if (out == NULL) return fail_errno(failure, FAILED, "making %s", target);
    root_size = strlen(directory);
    int result = nftw(directory, look_at, MOST_OPEN, FTW_PHYS | FTW_MOUNT);
    if (result != 0) fail_errno(failure, errno == ENOENT ? NOT_FOUND : FAILED, "looking through %s", directory);
    if (fclose(out) != 0 && result == 0) result = fail_errno(failure, FAILED, "writing %s", target);
    if (result != 0) unlink(target);
    return result == 0 ? 0 : -1;
}
