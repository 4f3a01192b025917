/* Reads arguments from the bytes of one input; at its end every further byte is 0. */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *bytes;
    size_t length;
} input;

static inline uint8_t next_byte(input *in) {
    if (in->length == 0) {
        return 0;
    }
    in->length--;
    return *in->bytes++;
}

static inline uint64_t next_number(input *in, int bytes) {
    uint64_t value = 0;
    for (int index = 0; index < bytes; index++) {
        value = value << 8 | next_byte(in);
    }
    return value;
}

/* A length: near 0, near the end of `room` bytes, at an edge of the type, or anything. */
static inline uint32_t next_length(input *in, uint32_t room) {
    uint8_t kind = next_byte(in);
    uint8_t delta = next_byte(in);
    switch (kind % 6) {
    case 0: return delta;
    case 1: return room;
    case 2: return room + delta % 5 - 2;
    case 3: return UINT32_MAX - delta;
    case 4: return (uint32_t)next_number(in, 4);
    default: return (uint32_t)delta * 257;
    }
}

#endif
