/* Routes that are places: another thread, a signal handler, another process. */
#include "cell.h"
#include "raw.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int CMappingChanges_prepare_call(void);

static CMappingChanges_cell *const the = &CMappingChanges_the;

/* What runs elsewhere, and what it returned. */
static struct {
    int (*function)(void);
    _Atomic(bool) is_done;
    int result;
} errand;

static void run_errand(void) {
    errand.result = errand.function();
    atomic_store(&errand.is_done, true);
}

static void *thread_main(void *context) {
    (void)context;
    run_errand();
    return NULL;
}

/* This thread changes mappings of its own at the same moment. */
static int in_thread(void) {
    pthread_t thread;
    int error = pthread_create(&thread, NULL, thread_main, NULL);
    if (error) {
        return -error;
    }
    while (!atomic_load(&errand.is_done)) {
        void *page =
            mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page != MAP_FAILED) {
            munmap(page, page_size);
        }
    }
    pthread_join(thread, NULL);
    return errand.result;
}

static void handle(int number) {
    (void)number;
    run_errand();
}

static int in_handler(void) {
    struct sigaction action = {.sa_handler = handle};
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    return errand.result;
}

/* The other process: forked before anything is registered, so that the fork itself changes
   nothing, it makes the change when it is told to. */
static struct {
    int orders, answers;
} helper = {-1, -1};

static void serve(int orders, int answers) {
    char order;
    while (CMappingChanges_raw(SYS_read, orders, (long)&order, 1, 0, 0, 0) == 1) {
        int result = the->row->perform();
        CMappingChanges_raw(SYS_write, answers, (long)&result, sizeof result, 0, 0, 0);
    }
    CMappingChanges_raw(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

static int start_helper(void) {
    int orders[2], answers[2];
    if (pipe(orders) != 0 || pipe(answers) != 0) {
        return -errno;
    }
    pid_t pid = fork();
    if (pid < 0) {
        return -errno;
    }
    if (pid == 0) {
        /* It ends with this process: then nobody has the writing end. */
        close(orders[1]);
        serve(orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    helper.orders = orders[1];
    helper.answers = answers[0];
    /* Where it may look into this process's memory it may advise on it. */
    prctl(PR_SET_PTRACER, pid, 0, 0, 0);
    return 0;
}

static int in_helper(void) {
    int result = -ECHILD;
    char order = 1;
    if (write(helper.orders, &order, 1) != 1 ||
        read(helper.answers, &result, sizeof result) != (ssize_t)sizeof result) {
        return -ECHILD;
    }
    return result;
}

int CMappingChanges_prepare_route(void) {
    int error = CMappingChanges_prepare_call();
    return error || the->route != route_process ? error : start_helper();
}

int CMappingChanges_run(int (*function)(void)) {
    errand.function = function;
    switch (the->route) {
    case route_thread: return in_thread();
    case route_signal: return in_handler();
    case route_process: return in_helper();
    default: return function();
    }
}
