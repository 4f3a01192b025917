/* A library that is loaded when the hooks are there already, and unmaps. */
#include <sys/mman.h>

int late_unmap(void *start, size_t length);

int late_unmap(void *start, size_t length) { return munmap(start, length); }
