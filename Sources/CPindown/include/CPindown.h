#ifndef CPINDOWN_H
#define CPINDOWN_H

#include "pindown.h"
#include "pindown_stream.h"

/* The text that pindown_error() returns on the calling thread; longer ones are cut. */
void CPindown_set_error(const char *text);
const char *CPindown_get_error(void);

/* A pipe, read end first, neither of which blocks; 0, or -1 and errno. */
int CPindown_pipe(int ends[2]);

#endif
