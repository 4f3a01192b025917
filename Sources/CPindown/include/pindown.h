/* Pindown for C: registered memory and RDMA through the providers that the switch has loaded, and
   page tracking without the switch. Link with -lPindown.

   Functions that return a pointer return NULL where they fail, those that return an int a value
   other than 0; pindown_error() then says why, in one line. Any thread may call any function, but
   none of them inside a change handler, except pindown_unsecure(). Buffers belong to the adapter
   from the start of a transfer until the function returns; times are in milliseconds. */
#ifndef PINDOWN_H
#define PINDOWN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface; it rises when a function changes or goes. */
#define PINDOWN_VERSION 1

/* The version of the library that is loaded. */
uint32_t pindown_version(void);

/* Why the last function of the calling thread that failed did so. */
const char *pindown_error(void);

/* The switch */

typedef struct pindown_options {
    uint32_t size;                /* sizeof(pindown_options) */
    uint32_t provider_count;      /* 0: those of the catalogue, and the memfd provider */
    const char *const *providers; /* paths of libraries */
    const char *monitors;         /* as PINDOWN_MONITORS has it; NULL: what that says */
} pindown_options;

/* Starts the switch of this process; NULL stands for the defaults. */
int pindown_start(const pindown_options *options);

/* Stops it; sockets and listeners must be closed by then. */
int pindown_stop(void);

/* Memory */

/* Memory from a memfd, which adapters need no pin for; free it with pindown_free(). Any other
   memory may be registered as well. */
void *pindown_allocate(size_t length);
int pindown_free(void *memory);

/* What a registration lets its user do with the memory. */
#define PINDOWN_READ 1
#define PINDOWN_WRITE 2
#define PINDOWN_READWRITE 3

/* Connections */

typedef struct pindown_listener pindown_listener;
typedef struct pindown_socket pindown_socket;

/* Port 0 takes a free one, which pindown_port() tells. */
pindown_listener *pindown_listen(const char *address, uint16_t port);
uint16_t pindown_port(const pindown_listener *listener);
pindown_socket *pindown_accept(pindown_listener *listener, uint32_t timeout);
void pindown_close_listener(pindown_listener *listener);

pindown_socket *pindown_connect(const char *address, uint16_t port, uint32_t timeout);
void pindown_close(pindown_socket *socket);

/* Messages of at most 4096 bytes; they need no registration. pindown_receive() returns the length of
   the message, or -1. */
int pindown_send(pindown_socket *socket, const void *message, size_t length, uint32_t timeout);
int pindown_receive(pindown_socket *socket, void *buffer, size_t room, uint32_t timeout);

/* Registered memory */

typedef struct pindown_registration pindown_registration;

/* Names a buffer for RDMA by the peer of the connection that it was registered on; to be sent there
   in any way. */
typedef struct pindown_descriptor {
    uint32_t length;
    uint8_t bytes[252];
} pindown_descriptor;

/* Registers memory for transfers that this side starts: PINDOWN_READ for a source, PINDOWN_WRITE for
   a target. */
pindown_registration *pindown_register(pindown_socket *socket, void *buffer, size_t length,
                                       uint32_t access);

/* Registers memory for the peer to reach, and says in *descriptor how. */
pindown_registration *pindown_register_rdma(pindown_socket *socket, void *buffer, size_t length,
                                            uint32_t access, pindown_descriptor *descriptor);

/* Releases either kind. */
int pindown_deregister(pindown_registration *registration);

/* Writes all of a registered buffer into the peer's from byte `offset`, and reads; they return when
   it is done. */
int pindown_rdma_write(pindown_socket *socket, pindown_registration *source,
                       const pindown_descriptor *target, uint32_t offset, uint32_t timeout);
int pindown_rdma_read(pindown_socket *socket, pindown_registration *target,
                      const pindown_descriptor *source, uint32_t offset, uint32_t timeout);

/* Page tracking without the switch: for a registration cache of another library. */

/* Told before the mapping under the secured region start..end changes. It may run inside malloc, in
   a signal handler, or under the application's locks: no allocation, no lock that another thread
   may hold while it calls into the memory system, no unbounded wait. */
typedef void (*pindown_change_handler)(void *context, uintptr_t start, uintptr_t end,
                                       uint32_t kind);

/* Starts monitors: as PINDOWN_MONITORS has them; NULL: what that says. */
int pindown_watch(const char *monitors);

/* Adds a handler; returns the number that pindown_unsubscribe() takes, or -1. */
int pindown_subscribe(pindown_change_handler handler, void *context);
void pindown_unsubscribe(int subscription);

/* Secures the pages of a buffer; returns the name that pindown_unsecure() takes, or 0. A change ends
   the securing by itself. */
uint64_t pindown_secure(const void *buffer, size_t length, uint32_t access);
void pindown_unsecure(uint64_t region);

#ifdef __cplusplus
}
#endif

#include "pindown_provider.h"

#endif
