/* One end of a stream, in a process of its own:
     stream_peer receive ADDRESS [write]   listens, says "port N", receives everything, and says
                                           "received BYTES wrong BYTES transport N"
     stream_peer hold ADDRESS              accepts, says "accepted", and does nothing more
     stream_peer send ADDRESS PORT BYTES BUFFER
                                           sends from memory that it allocates, fills and frees as it
                                           goes, BUFFER bytes at most, and says "sent BYTES"
     stream_peer resend ADDRESS PORT BYTES BUFFER
                                           the same from mappings at one address
   Every byte tells its place in the stream, so what is old or elsewhere is seen. */
#include <pindown_stream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { timeout = 30000, room = 3 << 20 };

static uint64_t word(uint64_t index) {
    uint64_t mixed = (index + 1) * 0x9E3779B97F4A7C15u;
    return mixed ^ mixed >> 29;
}

/* Fills `length` bytes that begin at byte `start` of the stream. */
static void fill(uint8_t *buffer, size_t length, uint64_t start) {
    size_t done = 0;
    while (done < length) {
        uint64_t value = word((start + done) / 8);
        size_t offset = (start + done) % 8;
        size_t count = 8 - offset < length - done ? 8 - offset : length - done;
        memcpy(buffer + done, (uint8_t *)&value + offset, count);
        done += count;
    }
}

static uint64_t differing(const uint8_t *buffer, const uint8_t *expected, size_t length) {
    uint64_t count = 0;
    if (memcmp(buffer, expected, length) != 0) {
        for (size_t i = 0; i < length; i++) {
            count += buffer[i] != expected[i];
        }
    }
    return count;
}

static int failed(void) {
    fprintf(stderr, "stream_peer: %s\n", pindown_error());
    return 1;
}

static pindown_stream *accept_one(const char *address, int writes) {
    pindown_stream_options options = {.size = sizeof options, .avoid_read = writes != 0};
    pindown_stream_listener *listener = pindown_stream_listen(address, 0, &options);
    if (listener == NULL) {
        return NULL;
    }
    printf("port %u\n", pindown_stream_port(listener));
    fflush(stdout);
    pindown_stream *stream = pindown_stream_accept(listener, timeout);
    pindown_stream_close_listener(listener);
    return stream;
}

static int receive(const char *address, int writes) {
    pindown_stream *stream = accept_one(address, writes);
    uint8_t *buffer = malloc(room), *expected = malloc(room);
    uint64_t total = 0, wrong = 0;
    int64_t count = 0;
    if (stream == NULL || buffer == NULL || expected == NULL) {
        return failed();
    }
    while ((count = pindown_stream_receive(stream, buffer, room, timeout)) > 0) {
        fill(expected, (size_t)count, total);
        wrong += differing(buffer, expected, (size_t)count);
        total += (uint64_t)count;
    }
    if (count < 0) {
        return failed();
    }
    printf("received %llu wrong %llu transport %d\n", (unsigned long long)total,
           (unsigned long long)wrong, pindown_stream_transport(stream));
    fflush(stdout);
    pindown_stream_close(stream);
    free(buffer);
    free(expected);
    return 0;
}

static int hold(const char *address) {
    if (accept_one(address, 0) == NULL) {
        return failed();
    }
    printf("accepted\n");
    fflush(stdout);
    for (;;) {
        pause();
    }
}

static uint8_t *get(size_t length, int remaps) {
    if (!remaps) {
        return malloc(length);
    }
    static void *place = NULL;
    void *memory = mmap(place, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    place = memory;
    return memory == MAP_FAILED ? NULL : memory;
}

static void put(uint8_t *memory, size_t length, int remaps) {
    if (remaps) {
        munmap(memory, length);
    } else {
        free(memory);
    }
}

static int send_all(const char *address, uint16_t port, uint64_t total, size_t largest, int remaps) {
    pindown_stream *stream = pindown_stream_connect(address, port, timeout, NULL);
    if (stream == NULL) {
        return failed();
    }
    uint64_t sent = 0, random = 1;
    while (sent < total) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t length = remaps ? largest : 1 + (size_t)(random >> 33) % largest;
        if (length > total - sent) {
            length = (size_t)(total - sent);
        }
        uint8_t *memory = get(length, remaps);
        if (memory == NULL) {
            return 1;
        }
        fill(memory, length, sent);
        if (pindown_stream_send(stream, memory, length, timeout) != (int64_t)length) {
            return failed();
        }
        put(memory, length, remaps);
        sent += length;
    }
    printf("sent %llu\n", (unsigned long long)sent);
    fflush(stdout);
    pindown_stream_close(stream);
    return 0;
}

int main(int count, char **arguments) {
    if (count < 3 || pindown_start(NULL) != 0) {
        return failed();
    }
    int result = 2;
    if (strcmp(arguments[1], "receive") == 0) {
        result = receive(arguments[2], count > 3);
    } else if (strcmp(arguments[1], "hold") == 0) {
        result = hold(arguments[2]);
    } else if (count == 6) {
        result = send_all(arguments[2], (uint16_t)atoi(arguments[3]),
                          strtoull(arguments[4], NULL, 10), strtoull(arguments[5], NULL, 10),
                          strcmp(arguments[1], "resend") == 0);
    }
    pindown_stop();
    return result;
}
