/* Where pixels are looked up between those of a source, as `resample.ONE` and `PHASE` have it. */
#ifndef POSITION_H
#define POSITION_H

#include "kernel.h"

#define ONE 20  /* bits of a pixel's parts in a position */
#define PHASE 6 /* bits of them that choose the weights */
#define PHASES (1 << PHASE)

typedef struct {
    int64_t x, y; /* in parts of a pixel */
} Position;

ALWAYS int phase(int64_t x) { return (int)(x >> (ONE - PHASE)) & (PHASES - 1); }

#endif
