/* Positions between the pixels of a source, in fixed point; ONE and PHASE as in images/resample.py. */
#ifndef POSITION_H
#define POSITION_H

#include "kernel.h"

#define ONE 20  /* fractional bits of a position */
#define PHASE 6 /* bits of them that choose the interpolation weights */
#define PHASES (1 << PHASE)

typedef struct {
    int64_t x, y; /* in pixels, with ONE fractional bits */
} Position;

ALWAYS int phase(int64_t x) { return (int)(x >> (ONE - PHASE)) & (PHASES - 1); }

#endif
