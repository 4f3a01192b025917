/* Signals that interrupt whatever runs, and unmap. */
#include "CInterceptionRecorder.h"

#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Atomic(void *) offered;
static size_t offered_length;
static atomic_size_t taken;

static void take(int number) {
    (void)number;
    void *memory = atomic_exchange(&offered, NULL);
    if (memory) {
        taken += (size_t)(munmap(memory, offered_length) == 0);
    }
}

static timer_t timer;

/* A timer that interrupts this thread and no other. */
static void start_timer(long nanoseconds) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    struct itimerspec interval = {{0, nanoseconds}, {0, nanoseconds}};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &interval, NULL);
}

void CInterceptionRecorder_start_storm(long microseconds, size_t length) {
    struct sigaction action = {.sa_handler = take, .sa_flags = SA_RESTART};
    sigset_t wanted;
    offered_length = length;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGALRM);
    sigaction(SIGALRM, &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
    start_timer(microseconds * 1000);
}

void *CInterceptionRecorder_offer_to_storm(void *memory) {
    return atomic_exchange(&offered, memory);
}

size_t CInterceptionRecorder_end_storm(void) {
    timer_delete(timer);
    return taken;
}

extern char **environ;

/* What a program that is started this way says by its status. */
static int status_of(pid_t child) {
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

int CInterceptionRecorder_run_line(CInterceptionRecorder_way way, const char *line) {
    char *arguments[] = {"sh", "-c", (char *)line, NULL};
    pid_t child = -1;
    switch (way) {
    case CInterceptionRecorder_by_spawn:
        return posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ) == 0 ? status_of(child)
                                                                                   : -1;
    case CInterceptionRecorder_by_vfork:
        child = vfork();
        break;
    case CInterceptionRecorder_by_fork:
        child = fork();
        break;
    }
    if (child == 0) {
        execve("/bin/sh", arguments, environ);
        _exit(127);
    }
    return status_of(child);
}
