#include "CPindown.h"
