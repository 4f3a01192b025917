/* The memory hooks of UCX, loaded at run time, as another that is told of changes. What is declared
   here is the interface of libucm that programs are built against. */
#include "cell.h"

#include <dlfcn.h>

enum { event_unmapped = 1 << 17, priority = 1000 };

/* What an event that memory goes away carries. */
typedef struct {
    void *address;
    size_t length;
} unmapped_event;

typedef int (*set_handler)(int events, int priority, void (*handler)(int, void *, void *),
                           void *argument);

static void handle(int event, void *details, void *argument) {
    (void)event;
    const unmapped_event *unmapped = details;
    uintptr_t start = (uintptr_t)unmapped->address;
    CMappingChanges_told(argument, start, start + unmapped->length, 0);
}

/* The first that is there. */
static void *load(const char *const *names) {
    void *library = NULL;
    for (; *names && !library; names++) {
        library = dlopen(*names, RTLD_NOW | RTLD_GLOBAL);
    }
    return library;
}

const char *CMappingChanges_start_ucx(void) {
    /* libucs sets libucm up when it is loaded. */
    static const char *const names[] = {"libucs.so.0", "libucs.so", NULL};
    static const char *const hook_names[] = {"libucm.so.0", "libucm.so", NULL};
    load(names);
    void *library = load(hook_names);
    if (!library) {
        return "UCX is not installed: libucm.so was not found (Debian: apt install libucx0)";
    }
    void *symbol = dlsym(library, "ucm_set_event_handler");
    if (!symbol) {
        return "libucm.so has no ucm_set_event_handler";
    }
    set_handler set;
    __builtin_memcpy(&set, &symbol, sizeof set);
    return set(event_unmapped, priority, handle, NULL) == 0
               ? NULL
               : "UCX cannot install its memory hooks";
}
