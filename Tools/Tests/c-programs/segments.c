/* Writes and reads by RDMA between two memfd segments, and says what registering memory of malloc()
   gives. Then prints what the process may do, where a directory is given on which the control file
   system is mounted. */
#include <pindown.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LENGTH 300000

static int fail(const char *what) {
    printf("%s: %s\n", what, pindown_error());
    return 1;
}

static int show(const char *mount) {
    char path[256], line[256];
    snprintf(path, sizeof path, "%s/processes/%d/stats", mount, (int)getpid());
    FILE *stats = fopen(path, "r");
    if (stats == NULL) return fail(path);
    while (fgets(line, sizeof line, stats) != NULL) {
        if (strncmp(line, "can_", 4) == 0) fputs(line, stdout);
    }
    return fclose(stats);
}

/* A connection needs both ends at the same time. */
static void *accept_one(void *listener) { return pindown_accept(listener, 5000); }

int main(int count, char **arguments) {
    if (pindown_start(NULL) != 0) return fail("start");
    pindown_listener *listener = pindown_listen("10.77.0.1", 0);
    if (listener == NULL) return fail("listen");
    pthread_t accepting;
    void *accepted = NULL;
    if (pthread_create(&accepting, NULL, accept_one, listener) != 0) return fail("thread");
    pindown_socket *near = pindown_connect("10.77.0.1", pindown_port(listener), 5000);
    if (near == NULL) return fail("connect");
    pthread_join(accepting, &accepted);
    pindown_socket *far = accepted;
    if (far == NULL) return fail("accept");

    unsigned char *source = pindown_allocate(LENGTH), *target = pindown_allocate(LENGTH);
    if (source == NULL || target == NULL) return fail("allocate");
    for (int index = 0; index < LENGTH; index++) source[index] = (unsigned char)(index * 31 >> 2);
    pindown_descriptor name;
    pindown_registration *exposed =
        pindown_register_rdma(far, target, LENGTH, PINDOWN_READWRITE, &name);
    pindown_registration *local = pindown_register(near, source, LENGTH, PINDOWN_READWRITE);
    if (exposed == NULL || local == NULL) return fail("register a segment");
    if (pindown_rdma_write(near, local, &name, 0, 5000) != 0) return fail("write");
    if (memcmp(source, target, LENGTH) != 0) return fail("the content that was written");
    memset(target, 7, LENGTH);
    if (pindown_rdma_read(near, local, &name, 0, 5000) != 0) return fail("read");
    if (memcmp(source, target, LENGTH) != 0) return fail("the content that was read");
    puts("segments work");

    char *other = malloc(1 << 20);
    memset(other, 1, 1 << 20);
    pindown_registration *pinned = pindown_register(near, other, 1 << 20, PINDOWN_READ);
    printf("malloc: %s\n", pinned != NULL ? "registered" : pindown_error());
    if (pinned != NULL && pindown_deregister(pinned) != 0) return fail("deregister");
    if (count > 1 && show(arguments[1]) != 0) return 1;

    if (pindown_deregister(local) != 0 || pindown_deregister(exposed) != 0)
        return fail("deregister");
    pindown_close(near);
    pindown_close(far);
    pindown_close_listener(listener);
    pindown_free(source);
    pindown_free(target);
    free(other);
    /* A second start in the same process has nothing new to say. */
    if (pindown_stop() != 0 || pindown_start(NULL) != 0 || pindown_stop() != 0)
        return fail("start again");
    return 0;
}
