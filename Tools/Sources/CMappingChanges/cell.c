/* The table of cells, and what is done to the one of this process. */
#include "cell.h"
#include "raw.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

CMappingChanges_cell CMappingChanges_the = {.descriptor = -1};
static CMappingChanges_cell *const the = &CMappingChanges_the;

static const CMappingChanges_row *const subjects[] = {
    CMappingChanges_mapping_rows, CMappingChanges_advice_rows, CMappingChanges_heap_rows,
    CMappingChanges_file_rows,    CMappingChanges_system_rows,
};

static const struct {
    const char *name, *summary;
} route_texts[] = {
    [route_wrapper] = {"wrapper", "libc's function"},
    [route_inside] = {"inside", "inside libc: free, realloc, malloc_trim, pthread_exit"},
    [route_syscall] = {"syscall", "libc's syscall()"},
    [route_instruction] = {"instruction", "a syscall instruction in the program"},
    [route_code_page] = {"code-page", "a syscall instruction in a page of code made at run time"},
    [route_loader] = {"loader", "inside the dynamic loader: dlclose"},
    [route_thread] = {"thread", "libc's function in another thread, while this one maps memory"},
    [route_signal] = {"signal", "libc's function in a signal handler"},
    [route_io_uring] = {"io_uring", "a request to io_uring"},
    [route_process] = {"process", "another process"},
};

const char *CMappingChanges_route_name(size_t route) {
    return route < route_count ? route_texts[route].name : NULL;
}

const char *CMappingChanges_route_summary(size_t route) {
    return route < route_count ? route_texts[route].summary : NULL;
}

/* Calls the function with every row and route there is, until it returns true. */
static bool each_cell(bool (*function)(const CMappingChanges_row *, int route, void *),
                      void *context) {
    for (size_t subject = 0; subject < sizeof subjects / sizeof *subjects; subject++) {
        for (const CMappingChanges_row *row = subjects[subject]; row->name; row++) {
            for (int route = 0; route < route_count; route++) {
                if ((row->routes & (1u << route)) && function(row, route, context)) {
                    return true;
                }
            }
        }
    }
    return false;
}

typedef struct {
    size_t left;
    const CMappingChanges_row *row;
    int route;
} search;

static bool take(const CMappingChanges_row *row, int route, void *context) {
    search *found = context;
    found->row = row;
    found->route = route;
    return found->left-- == 0;
}

static search find(size_t cell) {
    search found = {.left = cell};
    return each_cell(take, &found) ? found : (search){.left = found.left};
}

size_t CMappingChanges_count(void) { return SIZE_MAX - find(SIZE_MAX).left; }

const char *CMappingChanges_kind(size_t cell) { return find(cell).row->name; }

const char *CMappingChanges_route(size_t cell) {
    return CMappingChanges_route_name((size_t)find(cell).route);
}

const char *CMappingChanges_reason(void) { return the->reason; }

int CMappingChanges_refuse(int error, const char *reason) {
    the->reason = reason;
    return -error;
}

int CMappingChanges_prepare(size_t cell) {
    search found = find(cell);
    if (!found.row) {
        return -EINVAL;
    }
    the->row = found.row;
    the->route = (CMappingChanges_route_number)found.route;
    int error = the->row->prepare();
    return error ? error : CMappingChanges_prepare_route();
}

size_t CMappingChanges_region_count(void) { return the->region_count; }
void *CMappingChanges_region_start(size_t region) { return the->regions[region].start; }
size_t CMappingChanges_region_length(size_t region) { return the->regions[region].length; }

int CMappingChanges_perform(void) { return CMappingChanges_run(the->row->perform); }

int CMappingChanges_put_back(void) {
    int error = the->row->put_back ? the->row->put_back() : 0;
    for (size_t index = 0; index < the->region_count && !error; index++) {
        CMappingChanges_region region = the->regions[index];
        for (size_t offset = 0; offset < region.length && !error; offset += page_size) {
            long address = (long)(region.start + offset);
            long result = CMappingChanges_raw(
                SYS_mmap, address, page_size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
            /* What is mapped there already stays. */
            error = result < 0 && result != -EEXIST ? (int)result : 0;
        }
    }
    return error;
}
