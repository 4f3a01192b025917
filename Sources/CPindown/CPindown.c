#include "CPindown.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static _Thread_local char error[512];

void CPindown_set_error(const char *text) {
    strncpy(error, text, sizeof error - 1);
}

const char *CPindown_get_error(void) { return error; }

int CPindown_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC | O_NONBLOCK); }
