/* Changes that libc makes for itself, when memory is given back to its heap. */
#include "cell.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static CMappingChanges_cell *const the = &CMappingChanges_the;

enum {
    region_bytes = region_pages * page_size,
    /* Of this size and more a block is a mapping of its own. */
    mapped_block = 128 << 10,
    block_length = 1 << 20,
    /* A hole below the block, from which the program's other blocks come meanwhile: so what lies
       above it is the end of the heap. */
    hole_length = 24 << 20,
};

/* The first whole region in a block, after malloc's own words. */
static void set_region_in(uint8_t *block) {
    uintptr_t aligned = ((uintptr_t)block + page_size) & ~(uintptr_t)(page_size - 1);
    CMappingChanges_set_region((uint8_t *)aligned);
}

/* The block without the compiler's knowledge of what malloc is. */
static uint8_t *allocate(size_t length) {
    uint8_t *volatile block = malloc(length);
    return block;
}

static int take_block(size_t length) {
    the->length = length;
    the->base = allocate(length);
    if (!the->base) {
        return -ENOMEM;
    }
    set_region_in(the->base);
    return 0;
}

static int prepare_mapped(void) {
    mallopt(M_MMAP_THRESHOLD, mapped_block);
    return take_block(block_length);
}

static int free_block(void) {
    free(the->base);
    return 0;
}

/* What lies after the block is taken, so it cannot grow where it is. */
static int prepare_growing(void) {
    int error = prepare_mapped();
    if (error) {
        return error;
    }
    uintptr_t end = ((uintptr_t)the->base + the->length + page_size) & ~(uintptr_t)(page_size - 1);
    mmap((void *)end, page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
         0);
    return 0;
}

static int resize(size_t length) {
    uint8_t *volatile block = realloc(the->base, length);
    return block ? 0 : -errno;
}

static int grow_block(void) { return resize(2 * the->length); }

/* The region lies in the part that goes. */
static int prepare_shrinking(void) {
    int error = prepare_mapped();
    set_region_in(the->base + the->length / 2);
    return error;
}

static int shrink_block(void) { return resize(the->length / 4); }

/* A block in the heap itself, with a hole below it. */
static int prepare_in_heap(void) {
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, mapped_block);
    mallopt(M_TOP_PAD, 0);
    uint8_t *hole = allocate(hole_length);
    int error = take_block(block_length);
    free(hole);
    return error;
}

static int prepare_inner(void) {
    int error = prepare_in_heap();
    /* Above the block: it is not the end of the heap. Large, so that it cannot lie in the hole. */
    uint8_t *guard = allocate(hole_length + block_length);
    return error ? error : guard ? 0 : -ENOMEM;
}

static int trim(void) {
    free(the->base);
    malloc_trim(0);
    return 0;
}

/* A heap of a thread's own, which ends where it was when the thread gives the block back. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int step;
} arena = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void go_to(int step) {
    pthread_mutex_lock(&arena.lock);
    arena.step = step;
    pthread_cond_broadcast(&arena.changed);
    pthread_mutex_unlock(&arena.lock);
}

static void wait_for(int step) {
    pthread_mutex_lock(&arena.lock);
    while (arena.step < step) {
        pthread_cond_wait(&arena.changed, &arena.lock);
    }
    pthread_mutex_unlock(&arena.lock);
}

static void *own_heap(void *context) {
    (void)context;
    int error = take_block(block_length);
    go_to(error ? 2 : 1);
    wait_for(2);
    free(the->base);
    return NULL;
}

static int prepare_arena(void) {
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    mallopt(M_TRIM_THRESHOLD, mapped_block);
    mallopt(M_TOP_PAD, 0);
    int error = pthread_create(&the->thread, NULL, own_heap, NULL);
    if (error) {
        return -error;
    }
    wait_for(1);
    return the->region_count ? 0 : -ENOMEM;
}

static int end_thread(void) {
    go_to(2);
    pthread_join(the->thread, NULL);
    return 0;
}

/* A region in the stack of a thread. The stack is larger than what libc keeps for later. */
enum { stack_length = 64 << 20 };

static void *own_stack(void *context) {
    (void)context;
    pthread_attr_t attributes;
    void *stack;
    size_t length;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &stack, &length);
    pthread_attr_destroy(&attributes);
    CMappingChanges_set_region((uint8_t *)stack + (length / 2 & ~(size_t)(page_size - 1)));
    go_to(1);
    wait_for(2);
    pthread_exit(NULL);
}

static int prepare_stack(void) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_length);
    int error = pthread_create(&the->thread, &attributes, own_stack, NULL);
    pthread_attr_destroy(&attributes);
    if (error) {
        return -error;
    }
    wait_for(1);
    return 0;
}

/* The end of the heap, but for what malloc has set aside for later: so that no other block comes to
   lie above it. */
static int prepare_break(void) {
    mallopt(M_TRIM_THRESHOLD, INT32_MAX);
    mallopt(M_TOP_PAD, 2 * hole_length);
    mallopt(M_MMAP_THRESHOLD, mapped_block);
    free(allocate(mapped_block / 2));
    uintptr_t current = (uintptr_t)sbrk(0);
    uintptr_t aligned = (current + page_size - 1) & ~(uintptr_t)(page_size - 1);
    if (sbrk((intptr_t)(aligned - current + region_bytes)) == (void *)-1) {
        return -errno;
    }
    the->place = aligned;
    CMappingChanges_set_region((uint8_t *)aligned);
    return 0;
}

static int lower_break(void) {
    return (int)(CMappingChanges_call(SYS_brk, (long)the->place, 0, 0, 0, 0, 0) ==
                         (long)the->place
                     ? 0
                     : -ENOMEM);
}

static int sink_break(void) { return sbrk(-region_bytes) == (void *)-1 ? -errno : 0; }

const CMappingChanges_row CMappingChanges_heap_rows[] = {
    {"brk", by_call, prepare_break, lower_break, NULL},
    {"brk", by_inside, prepare_in_heap, free_block, NULL},
    {"sbrk", by_wrapper | by_thread | by_signal, prepare_break, sink_break, NULL},
    {"free", by_inside, prepare_mapped, free_block, NULL},
    {"realloc-grow", by_inside, prepare_growing, grow_block, NULL},
    {"realloc-shrink", by_inside, prepare_shrinking, shrink_block, NULL},
    {"malloc-trim", by_inside, prepare_inner, trim, NULL},
    {"arena-free", by_inside, prepare_arena, end_thread, NULL},
    {"thread-exit", by_inside, prepare_stack, end_thread, NULL},
    {0},
};
