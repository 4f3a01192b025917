#ifndef CFUSE_SHIM_H
#define CFUSE_SHIM_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 312
#endif
#include <fuse_lowlevel.h>

#endif
