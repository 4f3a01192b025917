/* Arguments for the calls, from the bytes of an input: right, nearly right, or anything. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "input.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

static inline SOCKET a_socket(input *in) {
    uint8_t kind = next_byte(in);
    if (kind < 0xE0) {
        return the.sockets[kind % socket_count];
    }
    switch (kind & 3) {
    case 0: return INVALID_SOCKET;
    case 1: return 0;
    case 2: return the.sockets[0] ^ (SOCKET)1 << (next_byte(in) & 63);
    default: return (SOCKET)next_number(in, 8);
    }
}

/* Memory of the application: in the arena, NULL, where nothing is mapped, or anything. */
static inline void *an_address(input *in) {
    uint8_t kind = next_byte(in);
    if (kind < 0xE0) {
        return the.arena + (size_t)(kind % arena_pages) * page_bytes + next_byte(in) * 16;
    }
    switch (kind & 3) {
    case 0: return NULL;
    case 1: return (void *)(uintptr_t)0xFFFFFFFFFFFFF000;
    case 2: return (void *)(uintptr_t)page_bytes;
    /* Beyond what a program can have, so that nothing of ours is given away. */
    default: return (void *)(uintptr_t)(next_number(in, 8) | 1ULL << 63);
    }
}

static inline HANDLE a_handle(input *in) {
    uint8_t kind = next_byte(in);
    if (kind < 0xE0) {
        return the.handles[kind % handle_count];
    }
    return (HANDLE)(uintptr_t)(kind & 1 ? next_number(in, 8)
                                        : (uintptr_t)the.handles[0] ^ 1ULL << (next_byte(in) & 63));
}

/* A copy of a descriptor in memory of exactly its length; free it. Now and then it is altered. */
static inline void *a_descriptor(input *in, DWORD *length) {
    uint8_t kind = next_byte(in);
    unsigned char copy[descriptor_bytes];
    memcpy(copy, the.descriptors[kind % descriptor_count], descriptor_bytes);
    if (kind >= 0xC0) {
        copy[next_byte(in) % descriptor_bytes] ^= (unsigned char)(1 << (next_byte(in) & 7));
    }
    *length = kind >= 0xF0 ? next_byte(in) % (descriptor_bytes + 8) : descriptor_bytes;
    unsigned char *memory = calloc(1, *length + 1);
    memcpy(memory, copy, *length < descriptor_bytes ? *length : descriptor_bytes);
    return memory;
}

/* Whether the pointers of the present call are sometimes wrong. */
static bool has_wrong_pointers;

/* A pointer that a function follows: `good`, or where nothing can be read or written. */
static inline void *a_pointer(input *in, void *good) {
    uint8_t kind = has_wrong_pointers ? next_byte(in) : 0;
    if (kind < 0x80) {
        return good;
    }
    switch (kind & 7) {
    case 0: return NULL;
    case 1: return (void *)(uintptr_t)page_bytes;
    case 2: return the.unreadable + next_byte(in);
    case 3: return the.unwritable + next_byte(in);
    /* The end of what can be used. */
    case 4: return the.unreadable - next_byte(in) % 64;
    case 5: return (void *)(uintptr_t)0xFFFFFFFFFFFFFFF8;
    default: return (void *)(uintptr_t)(next_number(in, 8) | 1ULL << 63);
    }
}

static inline INT *an_error(input *in) {
    static INT error;
    return (next_byte(in) & 15) == 15 ? NULL : &error;
}

static inline void make_address(input *in, struct sockaddr_in *name) {
    memset(name, 0, sizeof *name);
    name->sin_family = (next_byte(in) & 15) == 15 ? (sa_family_t)next_number(in, 2) : AF_INET;
    name->sin_port = htons((unsigned short)(next_byte(in) % 8 + 50000));
    static const uint32_t addresses[] = {0x0A620001, 0x0A620101, 0, 0x0A620002, 0x7F000001};
    uint8_t kind = next_byte(in);
    name->sin_addr.s_addr =
        htonl(kind < 0xF0 ? addresses[kind % 5] : (uint32_t)next_number(in, 4));
}

#endif
