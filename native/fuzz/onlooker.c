/*
 * Runs in a container with SYS_PTRACE and looks, as fast as it can, for a process of its pid namespace that is more than a
 * container's: one behind whose root the machine's file `path` lies, that has a capability outside of `mask` (hexadecimal), that
 * has no seccomp filter, or that has a socket open, which leads to whoever made it. Driven by test/runtime/onlooker.test.ts.
 *
 *   onlooker <path> <mask>   says what it finds, each kind once; "looked" when it is terminated
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static volatile sig_atomic_t terminated;
static unsigned char said[256];

static void terminate(int number)
{
    (void)number;
    terminated = 1;
}

static void say(char kind, const char *process, const char *what)
{
    if (said[(unsigned char)kind]) return;
    said[(unsigned char)kind] = 1;
    printf("process %s: %s\n", process, what);
    fflush(stdout);
}

static void look_at_status(const char *process, const char *text, unsigned long long mask)
{
    static const char *const sets[] = {"CapPrm:", "CapEff:", "CapBnd:"};
    if (strstr(text, "State:\tZ") != NULL || strstr(text, "State:\tX") != NULL) return;
    for (unsigned i = 0; i < 3; i++) {
        const char *at = strstr(text, sets[i]);
        if (at != NULL && strtoull(at + 7, NULL, 16) & ~mask) say('c', process, "capabilities");
    }
    if (strstr(text, "Seccomp:\t0") != NULL) say('f', process, "no filter");
}

static void look_at(const char *process, const char *path, unsigned long long mask)
{
    char name[400], text[4096];
    struct stat status;
    snprintf(name, sizeof name, "/proc/%s/root%s", process, path);
    if (stat(name, &status) == 0) say('r', process, "the machine's root");
    snprintf(name, sizeof name, "/proc/%s/status", process);
    int fd = open(name, O_RDONLY);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    text[size < 0 ? 0 : size] = 0;
    look_at_status(process, text, mask);
    for (int open_there = 0; open_there < 12; open_there++) {
        snprintf(name, sizeof name, "/proc/%s/fd/%d", process, open_there);
        if ((size = readlink(name, text, sizeof text)) > 7 && memcmp(text, "socket:", 7) == 0) say('s', process, "a socket");
    }
}

int main(int count, char **arguments)
{
    if (count != 3) return 2;
    signal(SIGTERM, terminate);
    unsigned long long mask = strtoull(arguments[2], NULL, 16);
    while (!terminated) {
        DIR *directory = opendir("/proc");
        if (directory == NULL) return 1;
        for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
            if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') look_at(entry->d_name, arguments[1], mask);
        }
        closedir(directory);
    }
    puts("looked");
    return 0;
}
