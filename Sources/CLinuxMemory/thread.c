#include "CLinuxMemory.h"

#include <pthread.h>
#include <signal.h>

enum { stack_length = 256 << 10 };

int CLinuxMemory_start_thread(const char *name, void *(*body)(void *), void *context) {
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, former;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_length);
    /* libc keeps the signals that it needs for itself out of this. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    int error = pthread_create(&thread, &attributes, body, context);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    if (error == 0) {
        pthread_setname_np(thread, name);
        pthread_detach(thread);
    }
    pthread_attr_destroy(&attributes);
    return -error;
}
