#include "CPindown.h"

#include <string.h>

static _Thread_local char error[512];

void CPindown_set_error(const char *text) {
    strncpy(error, text, sizeof error - 1);
}

const char *CPindown_get_error(void) { return error; }
