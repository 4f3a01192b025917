/* The thread that samples and checks: one in each process, again after a fork. */
#include "watch.h"

#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    startup_milliseconds = 20, /* shorter lives are not worth loading a library for */
    round_milliseconds = 10,
    samples_per_round = 24,
    mapping_limit = 2048,
};

typedef struct {
    uint64_t start, end;
} range;

static range mappings[mapping_limit];
static size_t mapping_count;
static uint64_t random_state;

/* A fork waits until the thread is between two rounds: what it runs has locks of its own. */
static pthread_mutex_t at_work = PTHREAD_MUTEX_INITIALIZER;

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void pause_for(long milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* What a program registers: private memory that it can write. Not what the kernel or the loader
   keep for themselves, and not the stack of this thread. */
static bool is_candidate(const char *permissions, const char *name, range candidate) {
    uint64_t here = (uint64_t)&candidate;
    return strncmp(permissions, "rw-p", 4) == 0 && strncmp(name, "[v", 2) != 0 &&
           !(candidate.start <= here && here < candidate.end) &&
           !strstr(name, "pindown") && !strstr(name, "libPindown") && !strstr(name, "libswift");
}

static void read_mappings(void) {
    char line[512], permissions[8], name[256];
    mapping_count = 0;
    FILE *file = fopen("/proc/self/maps", "re");
    while (file && mapping_count < mapping_limit && fgets(line, sizeof line, file)) {
        range candidate;
        name[0] = 0;
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &candidate.start, &candidate.end,
                   permissions, name) >= 3 &&
            is_candidate(permissions, name, candidate)) {
            mappings[mapping_count++] = candidate;
        }
    }
    if (file) {
        fclose(file);
    }
}

static void sample(void) {
    read_mappings();
    for (int index = 0; mapping_count > 0 && index < samples_per_round; index++) {
        range chosen = mappings[next_random() % mapping_count];
        uint64_t pages = (chosen.end - chosen.start) / page_size;
        uint64_t wanted = 1 + next_random() % pages_limit;
        wanted = wanted < pages ? wanted : pages;
        uint64_t first = next_random() % (pages - wanted + 1);
        uint64_t start = chosen.start + first * page_size;
        watch_regions_sample(start, start + wanted * page_size);
    }
}

static void *watch(void *unused) {
    (void)unused;
    pause_for(startup_milliseconds);
    pthread_mutex_lock(&at_work);
    bool works = watch_regions_start();
    pthread_mutex_unlock(&at_work);
    if (!works) {
        return NULL;
    }
    watch_report_start();
    for (;;) {
        pthread_mutex_lock(&at_work);
        sample();
        watch_regions_check();
        watch_report_update();
        pthread_mutex_unlock(&at_work);
        pause_for(round_milliseconds);
    }
}

static void start_thread(void) {
    pthread_t thread;
    sigset_t all, old;
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    random_state = ((uint64_t)getpid() << 32 ^ (uint64_t)time.tv_nsec) | 1;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (pthread_create(&thread, NULL, watch, NULL) == 0) {
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void before_fork(void) { pthread_mutex_lock(&at_work); }
static void after_fork(void) { pthread_mutex_unlock(&at_work); }

static void in_child(void) {
    pthread_mutex_unlock(&at_work);
    watch_regions_abandon();
    start_thread();
}

__attribute__((constructor)) static void begin(void) {
    pthread_atfork(before_fork, after_fork, in_child);
    start_thread();
}

__attribute__((destructor)) static void end(void) {
    pthread_mutex_lock(&at_work);
    watch_regions_check();
    watch_report_update();
    pthread_mutex_unlock(&at_work);
}
