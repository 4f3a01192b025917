/* What Swift cannot see of the dynamic loader: dladdr is an extension that its headers hide. */
#ifndef CDYNAMICLOADER_H
#define CDYNAMICLOADER_H

/* The path of the library, or program, whose code or data is at `address`; NULL where none is. The
   text belongs to the loader and lives as long as the library is loaded. */
const char *CDynamicLoader_library_of(const void *address);

/* The path of the library that this function itself is in. */
const char *CDynamicLoader_own_library(void);

#endif
