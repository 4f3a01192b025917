/* Writes a text into the memory of the process that `receive` is. */
#include <pindown.h>
#include <stdio.h>

static char text[] = "Written by RDMA.";

int main(void) {
    pindown_socket *socket = NULL;
    pindown_registration *source = NULL;
    pindown_descriptor target;
    char message[16];
    int length = snprintf(message, sizeof message, "%zu", sizeof text - 1), received = -1;
    int failed = pindown_start(NULL) != 0 ||
                 (socket = pindown_connect("10.77.0.1", 7471, 5000)) == NULL ||
                 (received = pindown_receive(socket, target.bytes, sizeof target.bytes, 5000)) < 0 ||
                 (source = pindown_register(socket, text, sizeof text - 1, PINDOWN_READ)) == NULL;
    target.length = (uint32_t)received;
    failed = failed || pindown_rdma_write(socket, source, &target, 0, 5000) != 0 ||
             pindown_send(socket, message, (size_t)length, 5000) != 0 ||
             pindown_deregister(source) != 0;
    if (failed) fprintf(stderr, "%s\n", pindown_error());
    if (socket != NULL) pindown_close(socket);
    pindown_stop();
    return failed;
}
