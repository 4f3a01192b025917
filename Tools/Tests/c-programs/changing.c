/* A program for the watch tests: for some seconds it takes its memory away and puts other memory in
   its place, a block at a time, so that each block lives for a second or more. Prints a sum that
   does not depend on who watches. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { blocks = 48, block_length = 64 << 10, rounds = 120, round_milliseconds = 25 };

static char *memory;

static char *map(char *place) {
    return mmap(place, block_length, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | (place ? MAP_FIXED : 0), -1, 0);
}

static void change(char *block, int way) {
    char *other;
    switch (way) {
    case 0:
        munmap(block, block_length);
        map(block);
        break;
    case 1:
        map(block);
        break;
    case 2:
        madvise(block, block_length, MADV_DONTNEED);
        break;
    default:
        other = map(NULL);
        mremap(other, block_length, block_length, MREMAP_MAYMOVE | MREMAP_FIXED, block);
    }
}

int main(void) {
    struct timespec pause = {0, round_milliseconds * 1000000};
    uint64_t sum = 0;
    memory = mmap(NULL, (size_t)blocks * block_length, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, (size_t)blocks * block_length);
    for (int round = 0; round < rounds; round++) {
        char *block = memory + (size_t)(round * 7 % blocks) * block_length;
        change(block, round % 4);
        memset(block, round, block_length);
        for (size_t index = 0; index < (size_t)blocks * block_length; index += 1021) {
            sum = sum * 31 + (unsigned char)memory[index];
        }
        nanosleep(&pause, NULL);
    }
    printf("%llx\n", (unsigned long long)sum);
    return 0;
}
