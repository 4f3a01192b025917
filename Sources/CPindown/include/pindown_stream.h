/* Streams of bytes for C: over the adapter of a provider where one serves the way, over TCP/IP
   otherwise, which a program need not know. Link with -lPindown; the switch must have been started
   by pindown_start(), which loads the providers of the catalogue.

   Errors, threads and times as pindown.h has them. One thread sends and one receives at a time;
   further calls wait for them. Buffers may be any memory, and may be freed as soon as a call has
   returned. */
#ifndef PINDOWN_STREAM_H
#define PINDOWN_STREAM_H

#include <pindown.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pindown_stream pindown_stream;
typedef struct pindown_stream_listener pindown_stream_listener;

/* How streams through providers are carried; a field that is 0 has its default. */
typedef struct pindown_stream_options {
    uint32_t size;           /* sizeof(pindown_stream_options) */
    uint32_t rdma_threshold; /* more bytes than this in one send go by RDMA; default 32768 */
    uint32_t receive_count;  /* messages the peer may send ahead, 2 to 200; default 16 */
    uint32_t message_size;   /* bytes of a message, 1024 to 65536; default 16384 */
    uint32_t avoid_read;     /* not 0: the peer writes, where this end would read by RDMA */
    uint32_t stall_limit;    /* milliseconds for a step of a large transfer; default 10000 */
} pindown_stream_options;

/* `options` may be NULL. 0.0.0.0 is every address, of adapters, too; port 0 takes a free one, which
   pindown_stream_port() tells. */
pindown_stream_listener *pindown_stream_listen(const char *address, uint16_t port,
                                               const pindown_stream_options *options);
uint16_t pindown_stream_port(const pindown_stream_listener *listener);
pindown_stream *pindown_stream_accept(pindown_stream_listener *listener, uint32_t timeout);
void pindown_stream_close_listener(pindown_stream_listener *listener);

pindown_stream *pindown_stream_connect(const char *address, uint16_t port, uint32_t timeout,
                                       const pindown_stream_options *options);

/* Sends all of the bytes, and returns how many that were: fewer where the time was over first, after
   which the rest may be sent later; -1 for any other failure. */
int64_t pindown_stream_send(pindown_stream *stream, const void *buffer, size_t length,
                            uint32_t timeout);

/* Receives at least one byte and returns how many; 0 when the peer has finished and everything was
   received; -1 for a failure, also where nothing came in time. */
int64_t pindown_stream_receive(pindown_stream *stream, void *buffer, size_t room,
                               uint32_t timeout);

/* Says that no more will be sent; the other direction goes on. */
int pindown_stream_finish(pindown_stream *stream);

/* Closes in order: what was sent arrives. And at once: the peer's calls fail. */
void pindown_stream_close(pindown_stream *stream);
void pindown_stream_abort(pindown_stream *stream);

/* What carries the stream. */
#define PINDOWN_STREAM_TCP 1
#define PINDOWN_STREAM_PROVIDER 2
int pindown_stream_transport(const pindown_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
