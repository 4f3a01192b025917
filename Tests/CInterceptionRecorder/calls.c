#include "CInterceptionRecorder.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

void CInterceptionRecorder_malloc_trim(void) { malloc_trim(0); }

int32_t CInterceptionRecorder_thread(void) { return (int32_t)syscall(SYS_gettid); }

void *CInterceptionRecorder_mremap(void *old, size_t old_length, size_t new_length, int flags,
                                   void *destination) {
    return mremap(old, old_length, new_length, flags, destination);
}

long CInterceptionRecorder_syscall(long number, long first, long second, long third, long fourth,
                                   long fifth, long sixth) {
    return syscall(number, first, second, third, fourth, fifth, sixth);
}

int CInterceptionRecorder_pkey_mprotect(void *start, size_t length, int protection, int key) {
    return pkey_mprotect(start, length, protection, key);
}

int CInterceptionRecorder_remap_file_pages(void *start, size_t length, size_t page_offset) {
    return remap_file_pages(start, length, 0, page_offset, 0);
}

long CInterceptionRecorder_process_madvise(void *first, void *second, size_t length, int advice) {
    struct iovec ranges[] = {{first, length}, {second, length}};
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    long result = process_madvise(self, ranges, 2, advice, 0);
    close(self);
    return result;
}

const int CInterceptionRecorder_shm_remap = SHM_REMAP;

int CInterceptionRecorder_shmget(size_t length) {
    return shmget(IPC_PRIVATE, length, IPC_CREAT | 0600);
}

void *CInterceptionRecorder_shmat(int identifier, void *address, int flags) {
    return shmat(identifier, address, flags);
}

int CInterceptionRecorder_shmdt(void *address) { return shmdt(address); }

void CInterceptionRecorder_shm_remove(int identifier) { shmctl(identifier, IPC_RMID, NULL); }

typedef struct {
    void *start;
    size_t length;
} range;

static void *unmap(void *argument) {
    range *wanted = argument;
    munmap(wanted->start, wanted->length);
    return NULL;
}

void CInterceptionRecorder_unmap_in_thread(void *start, size_t length) {
    range wanted = {start, length};
    pthread_t thread;
    pthread_create(&thread, NULL, unmap, &wanted);
    pthread_join(thread, NULL);
}

static range signal_range;

static void unmap_on_signal(int number) {
    (void)number;
    unmap(&signal_range);
}

void CInterceptionRecorder_unmap_in_signal_handler(void *start, size_t length) {
    static _Alignas(16) char stack[16384]; /* less than a thread's */
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack}, former;
    struct sigaction action = {.sa_handler = unmap_on_signal, .sa_flags = SA_ONSTACK};
    sigset_t wanted; /* threads of a pool may have it blocked */
    signal_range = (range){start, length};
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
    sigaltstack(&alternate, &former);
    sigaction(SIGUSR1, &action, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
    sigaltstack(&former, NULL);
}

static void *watch_stack(void *argument) {
    /* Some way below what the end of the thread itself still uses. */
    uint64_t page = ((uint64_t)&argument - (1 << 20)) & ~(uint64_t)4095;
    CInterceptionRecorder_watch(page, page + 4096);
    return NULL;
}

void CInterceptionRecorder_watch_and_release_thread_stack(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 20); /* more than libc keeps for later threads */
    pthread_create(&thread, &attributes, watch_stack, NULL);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}
