#include "CDynamicLoader.h"

#include <dlfcn.h>
#include <stddef.h>

const char *CDynamicLoader_library_of(const void *address) {
    Dl_info information;
    return dladdr(address, &information) != 0 ? information.dli_fname : NULL;
}

const char *CDynamicLoader_own_library(void) {
    /* An object of this file: the address of a function may be that of another library's stub. */
    static const char own = 0;
    return CDynamicLoader_library_of(&own);
}
