/* The provider kit, called as a provider calls it, with an adapter that only counts. Exits with the
   number of what did not hold. */
#include <errno.h>
#include <pindown.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, SIZE = 16 * PAGE };

static int failures;

#define CHECK(condition)                                             \
    do {                                                             \
        if (!(condition)) {                                          \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);  \
            failures++;                                              \
        }                                                            \
    } while (0)

static int attached, detached, is_stuck;
static uint32_t next_key = 1;
static pindown_pages last_pages;

static uint32_t attach(void *context, uint32_t adapter, uintptr_t start, uintptr_t end,
                       uint64_t pin, uint64_t segment) {
    (void)adapter, (void)start, (void)end;
    CHECK(context == &attached);
    last_pages.pin = pin;
    last_pages.segment = segment;
    attached++;
    return next_key++;
}

static bool detach(void *context, uint32_t adapter, uint32_t key, uint64_t deadline) {
    (void)context, (void)adapter, (void)key, (void)deadline;
    if (is_stuck) return false;
    detached++;
    return true;
}

static char *map(void) {
    char *memory =
        mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, SIZE);
    return memory;
}

static void arguments(void) {
    pindown_cache *cache;
    pindown_cache_options options = {.size = sizeof options};
    CHECK(pindown_cache_create(NULL, &cache) == -EINVAL);
    CHECK(pindown_cache_create(&options, &cache) == -EINVAL);
    options.name = "a/b", options.attach = attach, options.detach = detach;
    CHECK(pindown_cache_create(&options, &cache) == -EINVAL);
    options.name = "kit", options.size = 8;
    CHECK(pindown_cache_create(&options, &cache) == -EINVAL);
}

static void caching(pindown_cache *cache, uint32_t nic) {
    char *memory = map();
    pindown_region region, again;
    pindown_cache_statistics numbers;
    uint32_t key;
    CHECK(pindown_cache_register(cache, memory, 0, PINDOWN_READ, nic, &region) == -EINVAL);
    CHECK(pindown_cache_register(cache, memory, SIZE, 4, nic, &region) == -EINVAL);
    CHECK(pindown_cache_register(cache, memory, SIZE, PINDOWN_READ, 99, &region) == -EINVAL);
    CHECK(pindown_cache_register(cache, (void *)PAGE, PAGE, PINDOWN_READ, nic, &region) == -EFAULT);
    int before = attached;
    CHECK(pindown_cache_register(cache, memory, SIZE, PINDOWN_READWRITE, nic, &region) == 0);
    CHECK(pindown_cache_register(cache, memory + 5, 7, PINDOWN_READ, nic, &again) == 0);
    CHECK(attached == before + 1);
    CHECK(pindown_cache_key(cache, region, nic, &key) == 0 && key == next_key - 1);
    uintptr_t start, end;
    pindown_cache_range(cache, again, &start, &end);
    CHECK(start == (uintptr_t)memory && end == start + SIZE);

    char bytes[3 * PAGE];
    memset(bytes, 7, sizeof bytes);
    CHECK(pindown_pages_write(cache, last_pages, start + 100, bytes, sizeof bytes) == 0);
    CHECK(memory[99] == 1 && memory[100] == 7 && memory[100 + sizeof bytes] == 1);
    memset(bytes, 0, sizeof bytes);
    CHECK(pindown_pages_read(cache, last_pages, start + 100, bytes, sizeof bytes) == 0);
    CHECK(bytes[0] == 7 && bytes[sizeof bytes - 1] == 7);

    int socket = pindown_socket_publish(
        cache, &(pindown_socket_record){.state = PINDOWN_SOCKET_CONNECTED, .adapter = nic});
    CHECK(socket >= 0);
    int use = pindown_use_publish((uint32_t)socket, region, memory, SIZE, PINDOWN_READ, nic, 0);
    CHECK(use >= 0);
    pindown_use_withdraw((uint32_t)use);
    pindown_socket_withdraw((uint32_t)socket);

    /* The callback's work: the whole region goes, whatever part of it was hit. */
    CHECK(pindown_cache_invalidate(cache, memory + PAGE, 1) == 0);
    CHECK(detached > 0 && pindown_cache_key(cache, region, nic, &key) == -ESTALE);
    CHECK(pindown_cache_invalidate(cache, memory, SIZE) == -ENOENT);
    CHECK(pindown_cache_invalidate(cache, (void *)UINTPTR_MAX, SIZE) == -EINVAL);
    pindown_cache_release(cache, region);
    pindown_cache_release(cache, again);
    pindown_cache_read_statistics(cache, &numbers);
    CHECK(numbers.hits == 1 && numbers.misses == 2 && numbers.invalidations == 1);
    CHECK(numbers.regions == 0 && numbers.bytes == 0 && numbers.pinned_bytes == 0);
    munmap(memory, SIZE);
}

/* What cannot be released is quarantined, until it can. */
static void quarantine(pindown_cache *cache, uint32_t nic) {
    char *memory = map();
    pindown_region region;
    pindown_cache_statistics numbers;
    CHECK(pindown_cache_register(cache, memory, SIZE, PINDOWN_READ, nic, &region) == 0);
    pindown_cache_release(cache, region);
    is_stuck = 1;
    CHECK(pindown_cache_invalidate(cache, memory, SIZE) == -EBUSY);
    is_stuck = 0;
    pindown_cache_flush(cache);
    pindown_cache_read_statistics(cache, &numbers);
    CHECK(numbers.quarantined == 1 && numbers.pinned_bytes == 0);
    munmap(memory, SIZE);
}

static void limits(pindown_cache *cache, uint32_t nic) {
    char *memory = map();
    pindown_region region;
    pindown_cache_statistics numbers;
    pindown_cache_set_limits(cache, PAGE, 0);
    CHECK(pindown_cache_register(cache, memory, SIZE, PINDOWN_READ, nic, &region) == -ENOBUFS);
    pindown_cache_set_limits(cache, 0, 0);
    CHECK(pindown_cache_register(cache, memory, SIZE, PINDOWN_READ, nic, &region) == 0);
    pindown_cache_release(cache, region);
    pindown_cache_release_adapter(cache, nic);
    pindown_cache_read_statistics(cache, &numbers);
    CHECK(numbers.regions == 0);
    munmap(memory, SIZE);
}

/* For a provider with a cache of its own. */
static void pinning(void) {
    char *memory = map();
    pindown_pins *pins;
    uint64_t pin, frames[16];
    CHECK(pindown_pins_open(&pins) == 0);
    CHECK(pindown_pin(pins, memory, 0, &pin) == -EINVAL);
    CHECK(pindown_pin(pins, (void *)PAGE, PAGE, &pin) == -EFAULT);
    uint64_t secured = pindown_secure(memory, SIZE, PINDOWN_READWRITE);
    CHECK(secured != 0 && pindown_pin(pins, memory, SIZE, &pin) == 0);
    CHECK(pindown_record_mapping(secured, true) && pindown_may_use(secured));
    int64_t read = pindown_page_frames(memory, SIZE, frames, 16);
    CHECK(read == -EPERM || (read == 16 && frames[0] != 0));
    pindown_unpin(pins, pin);
    pindown_unsecure(secured);
    pindown_pins_close(pins);
    munmap(memory, SIZE);
}

int main(void) {
    arguments();
    pindown_cache *cache, *other;
    pindown_cache_options options = {.size = sizeof options, .name = "kit", .context = &attached,
                                     .attach = attach, .detach = detach};
    CHECK(pindown_cache_create(&options, &cache) == 0);
    CHECK(pindown_cache_create(&options, &other) == -EEXIST);
    int nic = pindown_nic_publish(cache, "kit0", 0x0A500001, 24, 100, 10);
    CHECK(nic >= 0);
    pindown_nic_count((uint32_t)nic, PINDOWN_NIC_SENDS, 3);
    caching(cache, (uint32_t)nic);
    quarantine(cache, (uint32_t)nic);
    limits(cache, (uint32_t)nic);
    pinning();
    CHECK(attached == detached);
    pindown_nic_withdraw((uint32_t)nic);
    pindown_cache_destroy(cache);
    CHECK(pindown_cache_create(&options, &cache) == 0);
    pindown_cache_destroy(cache);
    return failures;
}
