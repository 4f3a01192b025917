/* userfaultfd, NUMA, page merging, fork, the loader, prctl. */
#include "cell.h"
#include "numbers.h"
#include "raw.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static CMappingChanges_cell *const the = &CMappingChanges_the;

enum { region_bytes = region_pages * page_size };

/* A userfaultfd over memory that the region's pages can be moved to. */
static int prepare_move(void) {
    int error = CMappingChanges_map_anonymous();
    if (error) {
        return error;
    }
    the->descriptor = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = {.api = UFFD_API, .features = userfault_feature_move};
    if (the->descriptor < 0 || ioctl(the->descriptor, UFFDIO_API, &api) != 0) {
        return CMappingChanges_refuse(errno, "no userfaultfd that can move pages");
    }
    the->other = mmap(NULL, region_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                      0);
    struct uffdio_register range = {.range = {(uintptr_t)the->other, region_bytes},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    return ioctl(the->descriptor, UFFDIO_REGISTER, &range) == 0 ? 0 : -errno;
}

static int move_by_userfault(void) {
    userfault_move request = {.target = (uintptr_t)the->other,
                              .source = (uintptr_t)the->regions[0].start,
                              .length = region_bytes};
    return (int)CMappingChanges_call(SYS_ioctl, the->descriptor, USERFAULT_MOVE, (long)&request, 0,
                                     0, 0);
}

/* The node that the region is not on. */
static int other_node;

static int prepare_nodes(void) {
    int error = CMappingChanges_map_anonymous();
    if (!error && access("/sys/devices/system/node/node1", F_OK) != 0) {
        return CMappingChanges_refuse(ENODEV, "one NUMA node");
    }
    CMappingChanges_fill(0);
    void *page = the->regions[0].start;
    int node = 0;
    long result = syscall(SYS_move_pages, 0, 1L, &page, NULL, &node, 0);
    other_node = result == 0 && node == 0 ? 1 : 0;
    return error;
}

static int move_to_node(void) {
    void *pages[region_pages];
    int nodes[region_pages], status[region_pages];
    for (int page = 0; page < region_pages; page++) {
        pages[page] = the->regions[0].start + page * page_size;
        nodes[page] = other_node;
    }
    long process = the->route == route_process ? CMappingChanges_raw(SYS_getppid, 0, 0, 0, 0, 0, 0)
                                               : 0;
    long result = CMappingChanges_call(SYS_move_pages, process, region_pages, (long)pages,
                                       (long)nodes, (long)status, MPOL_MF_MOVE);
    return result < 0 ? (int)result : status[0] < 0 ? status[0] : 0;
}

static int bind_to_node(void) {
    unsigned long nodes = 1ul << other_node;
    return (int)CMappingChanges_call(SYS_mbind, (long)the->regions[0].start, region_bytes,
                                     MPOL_BIND, (long)&nodes, 8 * sizeof nodes,
                                     MPOL_MF_MOVE | MPOL_MF_STRICT);
}

/* Page merging: the kernel's thread is switched on, and off again. */
static long merging(const char *file, const char *value) {
    char path[64], text[32] = "";
    snprintf(path, sizeof path, "/sys/kernel/mm/ksm/%s", file);
    int descriptor = open(path, (value ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
    if (descriptor < 0) {
        return -errno;
    }
    ssize_t length =
        value ? write(descriptor, value, strlen(value)) : read(descriptor, text, sizeof text - 1);
    int error = errno;
    close(descriptor);
    return length < 0 ? -error : value ? 0 : atol(text);
}

static int prepare_merging(void) {
    int error = CMappingChanges_map_anonymous();
    if (!error && merging("run", NULL) < 0) {
        return CMappingChanges_refuse(ENOSYS, "a kernel without page merging");
    }
    return error;
}

/* Every page of the region has the same content, so they may become one. */
static int merge(void) {
    const struct timespec pause = {.tv_nsec = 10000000};
    char old_run[16], old_pages[16], old_sleep[16];
    snprintf(old_run, sizeof old_run, "%ld", merging("run", NULL));
    snprintf(old_pages, sizeof old_pages, "%ld", merging("pages_to_scan", NULL));
    snprintf(old_sleep, sizeof old_sleep, "%ld", merging("sleep_millisecs", NULL));
    int error = (int)CMappingChanges_call(SYS_madvise, (long)the->regions[0].start, region_bytes,
                                          MADV_MERGEABLE, 0, 0, 0);
    if (!error) {
        error = (int)merging("run", "1");
    }
    merging("pages_to_scan", "10000");
    merging("sleep_millisecs", "5");
    /* A page is merged in the second scan that finds it unchanged; at most five seconds. */
    long target = merging("full_scans", NULL) + 4;
    for (int round = 0; !error && round < 500 && merging("full_scans", NULL) < target; round++) {
        nanosleep(&pause, NULL);
    }
    merging("sleep_millisecs", old_sleep);
    merging("pages_to_scan", old_pages);
    merging("run", old_run);
    return error;
}

/* Forks; the child writes or not, and ends. The parent writes after the fork, or not. */
static int fork_and_write(bool child_writes) {
    volatile uint8_t *memory = the->regions[0].start;
    long pid = CMappingChanges_call(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
    if (pid < 0) {
        return (int)pid;
    }
    if (pid == 0) {
        for (long offset = 0; child_writes && offset < region_bytes; offset += page_size) {
            memory[offset]++;
        }
        /* Stays until the parent has written. */
        while (!child_writes) {
            CMappingChanges_raw(SYS_ppoll, 0, 0, 0, 0, 0, 0);
        }
        CMappingChanges_raw(SYS_exit_group, 0, 0, 0, 0, 0, 0);
    }
    for (long offset = 0; !child_writes && offset < region_bytes; offset += page_size) {
        memory[offset]++;
    }
    if (!child_writes) {
        kill((pid_t)pid, SIGKILL);
    }
    waitpid((pid_t)pid, NULL, 0);
    return 0;
}

static int fork_parent_writes(void) { return fork_and_write(false); }
static int fork_child_writes(void) { return fork_and_write(true); }

static int load_library(void) {
    int descriptor = CMappingChanges_make_library(3 * region_bytes);
    if (descriptor < 0) {
        return descriptor;
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    the->library = dlopen(path, RTLD_NOW);
    close(descriptor);
    uint8_t *data = the->library ? dlsym(the->library, "data") : NULL;
    if (!data) {
        return CMappingChanges_refuse(ELIBBAD, "the loader does not load a library from memory");
    }
    CMappingChanges_set_region(data + region_bytes);
    return 0;
}

static int unload_library(void) { return dlclose(the->library) == 0 ? 0 : -EBUSY; }

/* Where the kernel believes the parts of this program to be, from the fields of /proc/self/stat. */
static int read_layout(struct prctl_mm_map *layout) {
    char text[2048];
    int descriptor = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t length = descriptor < 0 ? -1 : read(descriptor, text, sizeof text - 1);
    close(descriptor);
    if (length <= 0) {
        return -ENOENT;
    }
    text[length] = 0;
    /* The second field, a name in brackets, may have spaces in it. */
    const char *rest = strrchr(text, ')');
    unsigned long long fields[52] = {0};
    for (int field = 3; rest && field < 52; field++) {
        rest = strchr(rest + 1, ' ');
        fields[field] = rest ? strtoull(rest + 1, NULL, 10) : 0;
    }
    *layout = (struct prctl_mm_map){
        .start_code = fields[26], .end_code = fields[27],  .start_stack = fields[28],
        .start_data = fields[45], .end_data = fields[46],  .start_brk = fields[47],
        .arg_start = fields[48],  .arg_end = fields[49],   .env_start = fields[50],
        .env_end = fields[51],    .brk = the->place,       .exe_fd = (__u32)-1,
    };
    return 0;
}

static struct prctl_mm_map layout;

static int prepare_move_break(void) {
    the->place = (uintptr_t)CMappingChanges_raw(SYS_brk, 0, 0, 0, 0, 0, 0);
    int error = read_layout(&layout);
    return error ? error : CMappingChanges_map_anonymous();
}

/* The kernel is told that the heap ends after the region; then the heap is made smaller. */
static int move_break(void) {
    long start = (long)the->regions[0].start;
    layout.brk = (uint64_t)start + region_bytes;
    long result = CMappingChanges_call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&layout,
                                       sizeof layout, 0, 0);
    if (result < 0) {
        return (int)result;
    }
    result = CMappingChanges_call(SYS_brk, start, 0, 0, 0, 0, 0);
    return result == start ? 0 : -ENOMEM;
}

static int restore_break(void) {
    layout.brk = the->place;
    return (int)CMappingChanges_raw(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&layout,
                                    sizeof layout, 0, 0);
}

enum { by_fork = by_wrapper | by_bare_call };

const CMappingChanges_row CMappingChanges_system_rows[] = {
    {"uffdio-move", by_call, prepare_move, move_by_userfault, NULL},
    {"move-pages", by_bare_call | by_process, prepare_nodes, move_to_node, NULL},
    {"mbind", by_bare_call, prepare_nodes, bind_to_node, NULL},
    {"page-merging", by_call, prepare_merging, merge, NULL},
    {"fork-parent-writes", by_fork, CMappingChanges_map_anonymous, fork_parent_writes, NULL},
    {"fork-child-writes", by_fork, CMappingChanges_map_anonymous, fork_child_writes, NULL},
    {"dlclose", by_loader, load_library, unload_library, NULL},
    {"pr-set-mm", by_call, prepare_move_break, move_break, restore_break},
    {0},
};
