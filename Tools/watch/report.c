/* The report: a text file with one line of fixed length for each process, which the process keeps
   current, so that it is complete after a SIGKILL too. */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { line_length = 160 };

static const char *path;
static off_t place = -1;

static void make_line(char line[line_length], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, line_length, format, arguments);
    va_end(arguments);
    if (length < 0 || length > line_length - 1) {
        length = line_length - 1;
    }
    memset(line + length, ' ', (size_t)(line_length - 1 - length));
    line[line_length - 1] = '\n';
}

/* Appends a line; returns where it is, or -1. */
static off_t append(const char line[line_length]) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    off_t end = -1;
    if (descriptor >= 0) {
        if (write(descriptor, line, line_length) == line_length) {
            end = lseek(descriptor, 0, SEEK_CUR);
        }
        close(descriptor);
    }
    return end < 0 ? -1 : end - line_length;
}

static void make_counts(char line[line_length]) {
    make_line(line,
              "process %d %.15s sampled %lu calls %lu before %lu late %lu raced %lu checks %lu "
              "stale %lu",
              getpid(), program_invocation_short_name, atomic_load(&watch_counted.sampled),
              atomic_load(&watch_counted.calls), atomic_load(&watch_counted.before),
              atomic_load(&watch_counted.late), atomic_load(&watch_counted.raced),
              atomic_load(&watch_counted.checks), atomic_load(&watch_counted.stale));
}

void watch_report_start(void) {
    char line[line_length];
    path = getenv("PINDOWN_WATCH_REPORT");
    if (path) {
        make_counts(line);
        place = append(line);
    }
}

void watch_report_update(void) {
    char line[line_length];
    if (!path || place < 0) {
        return;
    }
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        make_counts(line);
        if (pwrite(descriptor, line, line_length, place) != line_length) {
            place = -1;
        }
        close(descriptor);
    }
}

void watch_report_stale(uint64_t address, uint64_t pinned, uint64_t now) {
    char line[line_length];
    if (path) {
        make_line(line, "stale-page %d %.15s address %lx pinned-frame %lx frame %lx", getpid(),
                  program_invocation_short_name, address, pinned, now);
        append(line);
    }
}
