/*
 * Holds: everything root has. Gives up: supplementary groups, ids, every capability outside the container's set, the right to
 * gain privileges by exec, and the system calls outside its filter.
 */
#define _GNU_SOURCE
#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../kernel.h"
#include "../protocol.h"

static int drop_bounding(uint64_t keep, struct failure *failure)
{
    for (unsigned long capability = 0; capability < 64; capability++) {
        if (keep & (UINT64_C(1) << capability)) continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
        if (errno == EINVAL) return 0; /* past the kernel's last capability */
        return fail_errno(failure, FAILED, "dropping capability %lu from the bounding set", capability);
    }
    return 0;
}

static int set_capabilities(uint64_t capabilities, struct failure *failure)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &header, data) < 0) return fail_errno(failure, FAILED, "reading capabilities");
    for (unsigned word = 0; word < 2; word++) {
        /* never more than there is: some machines withhold a capability from root itself */
        data[word].permitted &= (uint32_t)(capabilities >> (32 * word));
        data[word].effective = data[word].permitted;
        data[word].inheritable = 0; /* inheritable file capabilities must not revive what the container lacks */
    }
    if (syscall(SYS_capset, &header, data) < 0) return fail_errno(failure, FAILED, "setting capabilities");
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return fail_errno(failure, FAILED, "clearing ambient capabilities");
    return 0;
}

int limit_capabilities(uint64_t capabilities, struct failure *failure)
{
    if (drop_bounding(capabilities, failure) < 0) return -1;
    return set_capabilities(capabilities, failure);
}

static int set_ids(const struct spec *spec, struct failure *failure)
{
    if (setgroups(spec->group_count, spec->groups) < 0) return fail_errno(failure, FAILED, "setting %u supplementary groups", spec->group_count);
    if (setresgid(spec->gid, spec->gid, spec->gid) < 0) return fail_errno(failure, FAILED, "changing to group %u", spec->gid);
    if (setresuid(spec->uid, spec->uid, spec->uid) < 0) return fail_errno(failure, FAILED, "changing to user %u", spec->uid);
    return 0;
}

/* In the last argument, which none of the calls has: the kernel ignores it, the filter sees it. */
long passed_call(long number, uint64_t pass, long first, long second, long third)
{
    return syscall(number, first, second, third, 0L, 0L, (long)pass);
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(field))
#define EQUAL(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), then, otherwise)
#define ARGUMENT(n) offsetof(struct seccomp_data, args[n])
#define UPPER (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 4 : 0)
#define LOWER (4 - UPPER)

/* Other calls cost a load and four comparisons, and the kernel still remembers those that are always allowed. */
#define PASSAGE_SIZE 14
static void write_passage(struct sock_filter *at, uint64_t pass)
{
    const struct sock_filter passage[PASSAGE_SIZE] = {
        LOAD(offsetof(struct seccomp_data, nr)),
        EQUAL(SYS_clone, 3, 0),
        EQUAL(SYS_ioctl, 4, 0),
        EQUAL(SYS_setsid, 5, 0),
        EQUAL(SYS_exit_group, 4, 9),
        LOAD(ARGUMENT(0) + LOWER),
        EQUAL(CLONE_PARENT | CLONE_PARENT_SETTID, 2, 7),
        LOAD(ARGUMENT(1) + LOWER),
        EQUAL(TIOCSCTTY, 0, 5),
        LOAD(ARGUMENT(5) + LOWER),
        EQUAL(pass, 0, 3),
        LOAD(ARGUMENT(5) + UPPER),
        EQUAL(pass >> 32, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    memcpy(at, passage, sizeof passage);
}

static int install(struct sock_filter *filter, size_t count, struct failure *failure)
{
    struct sock_fprog program = {(unsigned short)count, filter};
    if (count > BPF_MAXINSNS) return fail(failure, FAILED, "the seccomp filter is longer than %d instructions", BPF_MAXINSNS);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) return fail_errno(failure, FAILED, "installing the seccomp filter");
    return 0;
}

static int install_filter(const struct spec *spec, uint64_t pass, struct failure *failure)
{
    if (spec->seccomp_size == 0) return 0;
    size_t before = pass == 0 ? 0 : PASSAGE_SIZE, count = spec->seccomp_size / sizeof(struct sock_filter);
    struct sock_filter *filter = must_alloc((before + count) * sizeof *filter);
    if (pass != 0) write_passage(filter, pass);
    memcpy(filter + before, spec->seccomp, spec->seccomp_size);
    int result = install(filter, before + count, failure);
    free(filter);
    return result;
}

int allow_only_waiting(struct failure *failure)
{
    struct sock_filter filter[] = {
        LOAD(offsetof(struct seccomp_data, nr)),
        EQUAL(SYS_wait4, 4, 0),
        EQUAL(SYS_rt_sigtimedwait, 3, 0),
        EQUAL(SYS_rt_sigprocmask, 2, 0),
        EQUAL(SYS_close_range, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return install(filter, sizeof filter / sizeof *filter, failure);
}

int confine(const struct spec *spec, uint64_t pass, struct failure *failure)
{
    bool no_new_privileges = spec->flags & NO_NEW_PRIVILEGES;
    if (drop_bounding(spec->capabilities, failure) < 0) return -1;
    /* without no_new_privs a filter needs CAP_SYS_ADMIN: it goes in before the capabilities go */
    if (!no_new_privileges && install_filter(spec, pass, failure) < 0) return -1;
    if (set_ids(spec, failure) < 0) return -1;
    if (set_capabilities(spec->uid == 0 ? spec->capabilities : 0, failure) < 0) return -1;
    if (!no_new_privileges) return 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail_errno(failure, FAILED, "setting no_new_privs");
    return install_filter(spec, pass, failure);
}
