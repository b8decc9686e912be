/* What all kernels share. Each is a copy of a function of numpy and must give what it gives, to the bit: sums and
 * products are in its order, and rounding is `(uint8_t)(x + 0.5f)` of an x that is clipped first. */
#ifndef KERNEL_H
#define KERNEL_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What a kernel returns that computes no number: Python raises MemoryError of the second. */
enum { DONE, NO_MEMORY };

#define EXPORT __attribute__((visibility("default")))

/* Wide registers where the processor has them: chosen when the library is loaded, by what glibc's loader offers. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && !defined(ONE_TARGET)
#define CLONED
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* np.clip */
static inline float clip(float x, float low, float high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

/* the nearest of 0-255 */
static inline int clip_whole(int x) { return x < 0 ? 0 : x > 255 ? 255 : x; }

/* 0-255 to the nearest whole */
static inline uint8_t byte(float x) { return (uint8_t)(clip(x, 0.0f, 255.0f) + 0.5f); }

/* of an x from 0 to 65,025: x / 255 to the nearest whole, in 16 bits */
static inline uint16_t part(uint16_t x)
{
    x = (uint16_t)(x + 128);
    return (uint16_t)(x + (x >> 8)) >> 8;
}

#define BLOCK 128 /* pixels that are dealt with at once: all planes of them fit into the nearest cache */
#define ALWAYS static inline __attribute__((always_inline))

/* Pixels of 3 or 4 bytes, a plane for each; and back. */
ALWAYS void split(const uint8_t *pixels, int channels, int64_t count, uint16_t (*planes)[BLOCK])
{
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < channels; k++)
            planes[k][i] = pixels[channels * i + k];
}

ALWAYS void join(uint8_t (*planes)[BLOCK], int channels, int64_t count, uint8_t *pixels)
{
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < channels; k++)
            pixels[channels * i + k] = planes[k][i];
}

#endif
