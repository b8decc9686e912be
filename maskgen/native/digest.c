#include "kernel.h"

#ifndef DIGEST
#define DIGEST ""
#endif

EXPORT const char *digest(void) { return DIGEST; }
