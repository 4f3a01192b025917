/* A child process that publishes the header of an empty state, and nothing else. */
#ifndef CPUBLISHINGCHILD_H
#define CPUBLISHINGCHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Forks. The child publishes `length` bytes (with the given magic and version, sealed against
   shrinking or not) and waits for a signal. Returns its number once it has published, or -errno. */
int CPublishingChild_start(size_t length, uint64_t magic, uint32_t version, bool sealed);

/* Kills the child and waits until it has gone. */
void CPublishingChild_end(int child);

#endif
