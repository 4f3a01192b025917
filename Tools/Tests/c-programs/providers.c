/* Loads providers, and sends and writes through an address of each, within this process. Usage:
   providers ADDRESS... -- LIBRARY...; says what was done, and stays until its input ends. */
#include <pindown.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 100000 };

static void check(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "%s: %s\n", what, pindown_error());
    exit(1);
}

struct call {
    const char *address;
    uint16_t port;
};

static void *make_call(void *argument) {
    const struct call *call = argument;
    return pindown_connect(call->address, call->port, 10000);
}

/* The memory stays registered until the process ends, for others to see. */
static void transfer(const char *address) {
    pindown_listener *listener = pindown_listen(address, 0);
    check(listener != NULL, "listen");
    struct call call = {address, pindown_port(listener)};
    pthread_t caller;
    void *connected = NULL;
    pthread_create(&caller, NULL, make_call, &call);
    pindown_socket *server = pindown_accept(listener, 10000);
    check(server != NULL, "accept");
    pthread_join(caller, &connected);
    pindown_socket *client = connected;
    check(client != NULL, "connect");

    char *source = malloc(SIZE), *target = calloc(1, SIZE), *back = calloc(1, SIZE);
    for (int i = 0; i < SIZE; i++) source[i] = (char)(i * 7);
    pindown_descriptor descriptor, received = {0};
    check(pindown_register_rdma(server, target, SIZE, PINDOWN_READWRITE, &descriptor) != NULL,
          "register target");
    check(pindown_send(server, descriptor.bytes, descriptor.length, 5000) == 0, "send");
    int length = pindown_receive(client, received.bytes, sizeof received.bytes, 5000);
    check(length == (int)descriptor.length, "receive");
    received.length = (uint32_t)length;
    pindown_registration *from = pindown_register(client, source, SIZE, PINDOWN_READ);
    pindown_registration *into = pindown_register(client, back, SIZE, PINDOWN_WRITE);
    check(from != NULL && into != NULL, "register");
    check(pindown_rdma_write(client, from, &received, 0, 5000) == 0, "write");
    check(memcmp(source, target, SIZE) == 0, "what was written");
    check(pindown_rdma_read(client, into, &received, 0, 5000) == 0, "read");
    check(memcmp(source, back, SIZE) == 0, "what was read");
    printf("%s: sent, written, read\n", address);
}

int main(int count, char **words) {
    int split = 1;
    while (split < count && strcmp(words[split], "--") != 0) split++;
    pindown_options options = {.size = sizeof options,
                               .provider_count = (uint32_t)(count - split - 1),
                               .providers = (const char *const *)words + split + 1};
    check(pindown_start(&options) == 0, "start");
    for (int i = 1; i < split; i++) transfer(words[i]);
    fflush(stdout);
    while (getchar() != EOF) continue;
    return 0;
}
