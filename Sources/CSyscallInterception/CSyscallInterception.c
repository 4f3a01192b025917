#include "CSyscallInterception.h"
