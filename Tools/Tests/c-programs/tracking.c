/* Page tracking without the switch, through pindown.h alone. Exits 0 where the handler was called
   before the change, once, with the whole region, and the interface refuses what it should. */
#include <pindown.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct seen {
    int calls;
    uintptr_t start, end;
    char content;
};

static void changed(void *context, uintptr_t start, uintptr_t end, uint32_t kind) {
    struct seen *seen = context;
    (void)kind;
    seen->calls++;
    seen->start = start;
    seen->end = end;
    /* Before the change: the memory is still there. */
    seen->content = *(const char *)start;
}

static int fail(const char *what) {
    printf("%s (%s)\n", what, pindown_error());
    return 1;
}

int main(void) {
    struct seen seen = {0};
    size_t length = 8192;
    if (pindown_version() != PINDOWN_VERSION) return fail("version");
    int expected = pindown_watch("none") == 0 ? 0 : -1;
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int subscription = pindown_subscribe(changed, &seen);
    if (expected != 0 || subscription < 0) return fail("subscribe");

    /* The counter-test: without a monitor nobody hears of the change. */
    uint64_t region = pindown_secure(memory, length, PINDOWN_READ);
    if (region == 0) return fail("secure");
    munmap(memory, length);
    if (seen.calls != 0) return fail("a change was seen without a monitor");
    pindown_unsecure(region);

    if (pindown_watch("entries") != 0) return fail("watch");
    memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[0] = 'x';
    region = pindown_secure(memory, length, PINDOWN_READ);
    if (region == 0) return fail("secure again");
    munmap(memory + 4096, 4096);
    if (seen.calls != 1 || seen.start != (uintptr_t)memory || seen.content != 'x' ||
        seen.end != (uintptr_t)memory + length)
        return fail("the change was not seen before");
    munmap(memory, 4096);
    if (seen.calls != 1) return fail("a region was told of twice");
    pindown_unsubscribe(subscription);

    /* What callers can do wrong. */
    if (pindown_secure(memory, 4096, 0) != 0) return fail("no access at all");
    if (pindown_watch("nonsense") == 0) return fail("an unknown monitor");
    if (strstr(pindown_error(), "nonsense") == NULL) return fail("the error does not name it");
    if (pindown_connect("10.77.0.1", 1, 10) != NULL) return fail("not started");
    if (pindown_free(memory) == 0) return fail("not allocated");
    const char *nowhere = "/nowhere/at/all.so";
    pindown_options options = {sizeof options, 1, &nowhere, NULL};
    if (pindown_start(&options) == 0) return fail("an unknown provider");
    options.size = 3;
    if (pindown_start(&options) == 0) return fail("unknown options");

    char *segment = pindown_allocate(10000);
    if (segment == NULL) return fail("allocate");
    memset(segment, 1, 10000);
    if (pindown_free(segment) != 0 || pindown_free(segment) == 0) return fail("free");
    return 0;
}
