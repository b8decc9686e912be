#include "position.h"

#ifdef CLONED
#include <immintrin.h>
#endif

typedef struct {
    const uint8_t *pixels; /* three bytes each */
    int64_t tall, wide, replicate;
} Source;

typedef struct {
    float gain, offset;
} Levels;

/* Returns a channel of a pixel, also outside the source. */
static int level(Source source, int64_t y, int64_t x, int k)
{
    const int64_t row = least(most(y, 0), source.tall - 1), column = least(most(x, 0), source.wide - 1);
    if (!source.replicate && (row != y || column != x))
        return 0;
    return source.pixels[3 * (row * source.wide + column) + k];
}

static void pixel_of(Source source, Levels levels, Position at, float *out)
{
    const int64_t left = at.x >> ONE, top = at.y >> ONE;
    const int across = phase(at.x), down = phase(at.y);
    for (int k = 0; k < 3; k++) {
        const int above = level(source, top, left, k) * (PHASES - across) + level(source, top, left + 1, k) * across;
        const int below =
            level(source, top + 1, left, k) * (PHASES - across) + level(source, top + 1, left + 1, k) * across;
        out[k] = (float)(above * (PHASES - down) + below * down) * levels.gain + levels.offset;
    }
}

#ifdef CLONED
/* Computes a row of pixels; those whose four neighbours can be read as eight bytes per row take a tenth of the steps. */
__attribute__((target("avx2"))) static void quick_row_of(Source source, Levels levels, Position at, Position step,
                                                         int64_t count, float *out)
{
    const __m128i pairs = _mm_setr_epi8(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1); /* left, right */
    const __m128 gain = _mm_set1_ps(levels.gain), offset = _mm_set1_ps(levels.offset);
    const int64_t wide = 3 * source.wide;
    const uint64_t columns = (uint64_t)most(source.wide - 2, 0), rows = (uint64_t)(source.tall - 1);
    for (int64_t i = 0; i < count; i++, at.x += step.x, at.y += step.y) {
        const int64_t left = at.x >> ONE, top = at.y >> ONE;
        if ((uint64_t)left >= columns || (uint64_t)top >= rows || i + 1 == count) { /* a store writes four numbers */
            pixel_of(source, levels, at, out + 3 * i);
            continue;
        }
        const uint8_t *from = source.pixels + top * wide + 3 * left;
        const __m128i above = _mm_loadl_epi64((const __m128i *)from);
        const __m128i below = _mm_loadl_epi64((const __m128i *)(from + wide));
        const __m128i down = _mm_set1_epi16((int16_t)(PHASES + 255 * phase(at.y)));
        const __m128i across = _mm_set1_epi32(PHASES + 65535 * phase(at.x));
        const __m128i both = _mm_maddubs_epi16(_mm_unpacklo_epi8(above, below), down);
        const __m128 sum = _mm_cvtepi32_ps(_mm_madd_epi16(_mm_shuffle_epi8(both, pairs), across));
        _mm_storeu_ps(out + 3 * i, _mm_add_ps(_mm_mul_ps(sum, gain), offset));
    }
}
#endif

/* faces.landmarks.network_input._look_between */
EXPORT int64_t look_between(const uint8_t *source, int64_t x, int64_t y, int64_t x_by_column, int64_t x_by_row,
                         int64_t y_by_column, int64_t y_by_row, int64_t replicate, float gain, float offset,
                         float *result, int64_t tall, int64_t wide, int64_t h, int64_t w)
{
    const Source from = {source, tall, wide, replicate};
    const Levels levels = {gain, offset};
    const Position step = {x_by_column, y_by_column};
    for (int64_t row = 0; row < h; row++) {
        const Position first = {x + row * x_by_row, y + row * y_by_row};
        float *const out = result + 3 * row * w;
#ifdef CLONED
        if (__builtin_cpu_supports("avx2")) {
            quick_row_of(from, levels, first, step, w, out);
            continue;
        }
#endif
        for (int64_t i = 0; i < w; i++)
            pixel_of(from, levels, (Position){first.x + i * step.x, first.y + i * step.y}, out + 3 * i);
    }
    return DONE;
}
