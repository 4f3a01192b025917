/* Loads the library that its argument names after the monitors have started. Exits 0 where what that
   unmaps is told of before, and so is the unloading of what is secured of the library itself. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pindown.h>
#include <stdio.h>
#include <sys/mman.h>

static volatile int calls;
static volatile char content;

static void changed(void *context, uintptr_t start, uintptr_t end, uint32_t kind) {
    (void)context, (void)end, (void)kind;
    content = *(const volatile char *)start;
    calls++;
}

static int fail(const char *what) {
    printf("%s (%s)\n", what, pindown_error());
    return 1;
}

int main(int count, char **arguments) {
    size_t length = 8192;
    Dl_info place;
    if (count != 2 || pindown_watch("default") != 0) return fail("watch");
    if (pindown_subscribe(changed, NULL) < 0) return fail("subscribe");
    void *library = dlopen(arguments[1], RTLD_NOW);
    if (!library) return fail("load");
    void *function = dlsym(library, "late_unmap");
    int (*late_unmap)(void *, size_t) = *(int (**)(void *, size_t)) & function;
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[0] = 'x';
    if (pindown_secure(memory, length, PINDOWN_READ) == 0) return fail("secure");
    if (late_unmap(memory, length) != 0 || calls != 1 || content != 'x')
        return fail("the library's munmap was not seen before");
    if (!dladdr(function, &place) || pindown_secure(place.dli_fbase, 4096, PINDOWN_READ) == 0)
        return fail("secure the library");
    dlclose(library);
    if (calls != 2 || content != 0x7f) return fail("the unloading was not seen before");
    return 0;
}
