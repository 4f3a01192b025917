#include "CInterceptionRecorder.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { thread_limit = 16, length = 4 * 4096 };

typedef struct {
    pthread_t threads[thread_limit];
    size_t thread_count, rounds;
    _Atomic(size_t) errors, running;
} hammer;

static size_t one_round(void) {
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return 1;
    }
    size_t errors = 0;
    memory[0] = 1;
    errors += mprotect(memory, length, PROT_READ) != 0;
    errors += memory[0] != 1;
    errors += madvise(memory, length, MADV_DONTNEED) != 0;
    errors += memory[0] != 0;
    errors +=
        mmap(memory, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != memory;
    errors += mremap(memory, length, length / 2, 0) != memory;
    errors += munmap(memory, length) != 0;
    errors += munmap(memory + 1, length) != -1;
    return errors;
}

static void *pound(void *argument) {
    hammer *self = argument;
    for (size_t round = 0; round < self->rounds; round++) {
        self->errors += one_round();
    }
    self->running--;
    return NULL;
}

void *CInterceptionRecorder_start_hammering(size_t threads, size_t rounds) {
    hammer *self = calloc(1, sizeof *self);
    self->thread_count = threads;
    self->rounds = rounds;
    self->running = threads;
    for (size_t index = 0; index < threads; index++) {
        pthread_create(&self->threads[index], NULL, pound, self);
    }
    return self;
}

bool CInterceptionRecorder_is_hammering(void *handle) { return ((hammer *)handle)->running > 0; }

size_t CInterceptionRecorder_join(void *handle) {
    hammer *self = handle;
    for (size_t index = 0; index < self->thread_count; index++) {
        pthread_join(self->threads[index], NULL);
    }
    size_t errors = self->errors;
    free(self);
    return errors;
}
