/* Shared by all kernels. Each mirrors the NumPy reference implementation named above it, and must be bit-identical to it:
 * same order of sums and products, and rounding by `(uint8_t)(x + 0.5f)` of a clipped x. */
#ifndef KERNEL_H
#define KERNEL_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Results of kernels that return no number; Python raises MemoryError for NO_MEMORY. */
enum { DONE, NO_MEMORY };

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

/* Also compiles a kernel for AVX2; glibc's loader chooses the version that the processor supports. */
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

/* clips to 0-255 */
static inline int clip_whole(int x) { return x < 0 ? 0 : x > 255 ? 255 : x; }

/* rounds to the nearest of 0-255 */
static inline uint8_t byte(float x) { return (uint8_t)(clip(x, 0.0f, 255.0f) + 0.5f); }

/* computes x / 255, rounded, for x from 0 to 65,025, in 16 bits */
static inline uint16_t part(uint16_t x)
{
    x = (uint16_t)(x + 128);
    return (uint16_t)(x + (x >> 8)) >> 8;
}

#define BLOCK 128 /* pixels processed at once: all their planes fit into the first-level cache */
#define ALWAYS static inline __attribute__((always_inline))

/* Splits pixels of 3 or 4 bytes into one plane per channel; `join` is the inverse. */
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
