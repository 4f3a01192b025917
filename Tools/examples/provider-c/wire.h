/* What goes over the Unix socket of a connection. Both sides are of one machine. */
#ifndef WIRE_H
#define WIRE_H

#include <stdint.h>

enum {
    MAX_MESSAGE = 64 << 10,
    MAX_RDMA = 16 << 20,
    MESSAGE_CREDITS = 16, /* messages that a side keeps until there are receives for them */
    PIECE = 64 << 10
};

/* The two things said before a connection is one. */
struct hello {
    uint32_t magic, address, port;
};
struct answer {
    uint32_t magic, is_accepted;
};
#define HELLO_MAGIC 0x4F4C4548u

/* Memory that was registered for the peer; what WSPRegisterRdmaMemory stores. */
struct descriptor {
    uint64_t key; /* of no meaning, and not to be guessed */
    uint32_t length, access;
};

enum frame_kind {
    MESSAGE = 1, /* `length` bytes follow */
    CREDIT,      /* a message has found its receive */
    WRITE,       /* `length` bytes for key, offset; they follow */
    WRITE_DONE,
    READ,
    READ_DONE    /* `length` bytes follow where status is 0 */
};
struct frame {
    uint32_t kind, length;
    uint64_t id; /* of the request */
    uint64_t key;
    uint32_t offset, status;
};

#endif
