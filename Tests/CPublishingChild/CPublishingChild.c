#include "CPublishingChild.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Field 22 of /proc/self/stat, with calls only that a child of a process with threads may make. */
static uint64_t start_ticks(void) {
    char text[1024];
    int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = 0;
    char *rest = strrchr(text, ')');
    for (int field = 2; rest != NULL && field < 22; field++) {
        rest = strchr(rest + 1, ' ');
    }
    return rest == NULL ? 0 : strtoull(rest, NULL, 10);
}

static void publish(size_t length, uint64_t magic, uint32_t version, bool sealed) {
    int memfd = memfd_create("pindown-inspection", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memfd < 0 || ftruncate(memfd, (off_t)length) != 0) {
        _exit(1);
    }
    unsigned char *base = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    if (base == MAP_FAILED || (sealed && fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) != 0)) {
        _exit(1);
    }
    uint32_t pid = (uint32_t)getpid();
    uint64_t ticks = start_ticks();
    memcpy(base + 8, &version, sizeof version);
    memcpy(base + 12, &pid, sizeof pid);
    memcpy(base + 16, &ticks, sizeof ticks);
    memcpy(base, &magic, sizeof magic);
}

int CPublishingChild_start(size_t length, uint64_t magic, uint32_t version, bool sealed) {
    int ready[2];
    if (pipe(ready) != 0) {
        return -errno;
    }
    pid_t child = fork();
    if (child == 0) {
        publish(length, magic, version, sealed);
        if (write(ready[1], "1", 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    close(ready[1]);
    char byte;
    ssize_t got = read(ready[0], &byte, 1);
    close(ready[0]);
    return child < 0 || got != 1 ? -EIO : child;
}

void CPublishingChild_end(int child) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}
