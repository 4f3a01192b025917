/* A program for the watch tests: threads that allocate, grow, shrink and free blocks of all sizes for
   some seconds, whatever the allocator. Prints a sum that does not depend on who watches. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { threads = 3, blocks = 160, rounds = 240, changes = 12, round_milliseconds = 10 };

typedef struct {
    unsigned char *bytes;
    size_t length;
} block;

static uint64_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* From some bytes to some megabytes, each size class as often as the others. */
static size_t some_length(uint64_t *state) {
    unsigned bits = 4 + (unsigned)(next(state) % 18);
    return ((size_t)1 << bits) + next(state) % ((size_t)1 << bits);
}

static void change(block *this, uint64_t *state) {
    size_t length = some_length(state), kept = length < this->length ? length : this->length;
    if (next(state) % 3 == 0) {
        this->bytes = realloc(this->bytes, length);
    } else {
        free(this->bytes);
        this->bytes = malloc(length);
        kept = 0;
    }
    if (!this->bytes) abort();
    memset(this->bytes + kept, (int)next(state), length - kept);
    this->length = length;
}

static void *work(void *argument) {
    struct timespec pause = {0, round_milliseconds * 1000000};
    uint64_t *result = argument, state = *result, sum = 0;
    block all[blocks] = {{NULL, 0}};
    for (int round = 0; round < rounds; round++) {
        for (int time = 0; time < changes; time++) change(&all[next(&state) % blocks], &state);
        for (int index = 0; index < blocks; index++)
            for (size_t byte = 0; byte < all[index].length; byte += 4093)
                sum = sum * 31 + all[index].bytes[byte];
        nanosleep(&pause, NULL);
    }
    for (int index = 0; index < blocks; index++) free(all[index].bytes);
    *result = sum;
    return NULL;
}

int main(void) {
    pthread_t running[threads];
    uint64_t sums[threads];
    for (int index = 0; index < threads; index++) {
        sums[index] = 0x9e3779b97f4a7c15u * (uint64_t)(index + 1);
        pthread_create(&running[index], NULL, work, &sums[index]);
    }
    for (int index = 0; index < threads; index++) {
        pthread_join(running[index], NULL);
        printf("%llx\n", (unsigned long long)sums[index]);
    }
    return 0;
}
