#include "position.h"

#ifdef CLONED
#include <immintrin.h>
#endif

typedef struct {
    const uint8_t *pixels; /* four bytes each */
    int64_t wide;
} Source;

/* Tells whether the 4 x 4 pixels of all positions lie in the source, along one axis. */
static int stays(int64_t from, int64_t by_column, int64_t by_row, int64_t w, int64_t h, int64_t side)
{
    const int64_t low = from + least((w - 1) * by_column, 0) + least((h - 1) * by_row, 0);
    const int64_t high = from + most((w - 1) * by_column, 0) + most((h - 1) * by_row, 0);
    return low >> ONE >= 1 && (high >> ONE) + 2 < side;
}

ALWAYS const uint8_t *corner(Source source, Position at)
{
    return source.pixels + 4 * (((at.y >> ONE) - 1) * source.wide + (at.x >> ONE) - 1);
}

/* Computes a row of pixels of the result, three bytes each. */
static void row_of(Source source, const int16_t *weights, Position at, Position step, int64_t count, uint8_t *out)
{
    for (int64_t i = 0; i < count; i++, at.x += step.x, at.y += step.y) {
        const uint8_t *from = corner(source, at);
        const int16_t *down = weights + 4 * phase(at.y), *across = weights + 4 * phase(at.x);
        for (int k = 0; k < 3; k++) {
            int sum = 2048;
            for (int v = 0; v < 4; v++)
                for (int u = 0; u < 4; u++)
                    sum += from[4 * (v * source.wide + u) + k] * down[v] * across[u];
            out[3 * i + k] = (uint8_t)clip_whole(sum >> 12);
        }
    }
}

#ifdef CLONED
/* `row_of` with AVX2, 4 x 4 x 4 bytes of a pixel at once. Sums down a column fit into 16 bits, as the absolute values of
 * the weights add up to less than 90. */
__attribute__((target("avx2"))) static void wide_row_of(Source source, const int16_t *weights, Position at,
                                                        Position step, int64_t count, uint8_t *out)
{
    const __m256i pairs = _mm256_broadcastsi128_si256( /* puts a channel's bytes of neighbouring pixels side by side */
        _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    for (int64_t i = 0; i < count; i++, at.x += step.x, at.y += step.y) {
        const uint8_t *from = corner(source, at);
        const int16_t *down = weights + 4 * phase(at.y);
        int32_t across[2];
        __m256i column = _mm256_setzero_si256();
        memcpy(across, weights + 4 * phase(at.x), sizeof across);
        for (int v = 0; v < 4; v++) {
            const __m256i four = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(from + 4 * v * source.wide)));
            column = _mm256_add_epi16(column, _mm256_mullo_epi16(four, _mm256_set1_epi16(down[v])));
        }
        const __m256i weight = _mm256_setr_m128i(_mm_set1_epi32(across[0]), _mm_set1_epi32(across[1]));
        const __m256i halves = _mm256_madd_epi16(_mm256_shuffle_epi8(column, pairs), weight);
        __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
        sum = _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(2048)), 12);
        const int pixel = _mm_cvtsi128_si32(_mm_packus_epi16(_mm_packs_epi32(sum, sum), sum));
        memcpy(out + 3 * i, &pixel, i + 1 < count ? 4 : 3); /* the next pixel overwrites the fourth byte */
    }
}
#endif

/* images.resample._look_up */
EXPORT int64_t look_up(const uint8_t *source, const int16_t *weights, int64_t x, int64_t y, int64_t x_by_column,
                    int64_t x_by_row, int64_t y_by_column, int64_t y_by_row, uint8_t *result, int64_t tall,
                    int64_t wide, int64_t phases, int64_t h, int64_t w)
{
    const Position step = {x_by_column, y_by_column};
    if (phases != PHASES || !stays(x, x_by_column, x_by_row, w, h, wide) ||
        !stays(y, y_by_column, y_by_row, w, h, tall))
        return DONE;
    for (int64_t row = 0; row < h; row++) {
        const Position first = {x + row * x_by_row, y + row * y_by_row};
#ifdef CLONED
        if (__builtin_cpu_supports("avx2")) {
            wide_row_of((Source){source, wide}, weights, first, step, w, result + 3 * row * w);
            continue;
        }
#endif
        row_of((Source){source, wide}, weights, first, step, w, result + 3 * row * w);
    }
    return DONE;
}
