#include "CWinsockDirect.h"
