/* Exchanges pages at some moment while somebody else does something. */
#include "CInterceptionRecorder.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static struct {
    _Atomic(uint32_t) wanted, done;
    void *start;
    size_t length;
    uint32_t delay;
    pthread_t thread;
} exchange;

static void *exchange_pages(void *argument) {
    (void)argument;
    while (true) {
        uint32_t next = exchange.done + 1;
        while (exchange.wanted < next) {
            sched_yield();
        }
        if (exchange.length == 0) {
            return NULL;
        }
        for (volatile uint32_t round = 0; round < exchange.delay; round++) {
        }
        CInterceptionRecorder_raw(SYS_mmap, (long)exchange.start, (long)exchange.length,
                                  PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0);
        exchange.done = next;
    }
}

void CInterceptionRecorder_start_exchanging(void) {
    pthread_create(&exchange.thread, NULL, exchange_pages, NULL);
}

void CInterceptionRecorder_exchange_soon(void *start, size_t length, uint32_t delay) {
    exchange.start = start;
    exchange.length = length;
    exchange.delay = delay;
    exchange.wanted++;
}

void CInterceptionRecorder_await_exchange(void) {
    while (exchange.done != exchange.wanted) {
        sched_yield();
    }
}

void CInterceptionRecorder_stop_exchanging(void) {
    CInterceptionRecorder_exchange_soon(NULL, 0, 0);
    pthread_join(exchange.thread, NULL);
}
