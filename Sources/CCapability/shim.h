#ifndef CCAPABILITY_SHIM_H
#define CCAPABILITY_SHIM_H

#include <sys/capability.h>

#endif
