#include "kernel.h"

/* Interpolates linearly between two values. */
ALWAYS float mix(float a, float b, float share) { return a + (b - a) * share; }

/* Copies a line, extended by `more` copies of its first and of its last value. */
ALWAYS void widen(const float *line, int64_t count, int64_t more, float *out)
{
    for (int64_t i = 0; i < more; i++) {
        out[i] = line[0];
        out[more + count + i] = line[count - 1];
    }
    memcpy(out + more, line, (size_t)count * sizeof(float));
}

/* Samples a layer's opacity, shifted, at every `step`-th pixel; `work` holds one row. */
ALWAYS void thin_out(const uint8_t *layer, int64_t step, float right, float down, float *small, float *work, int64_t h,
                     int64_t w, int64_t tall, int64_t wide)
{
    const float whole = floorf(right), share = right - whole;
    for (int64_t y = 0; y < tall; y++) {
        const float at = clip((float)(y * step) + down, 0.0f, (float)(h - 1));
        const int64_t row = (int64_t)at;
        const uint8_t *upper = layer + 4 * row * w, *lower = layer + 4 * least(row + 1, h - 1) * w;
        for (int64_t x = 0; x < w; x++)
            work[x] = mix(upper[4 * x + 3], lower[4 * x + 3], at - (float)row);
        for (int64_t x = 0; x < wide; x++) {
            const int64_t left = x * step + (int64_t)whole, from = most(least(left, w - 1), 0);
            small[y * wide + x] = mix(work[from], work[most(least(left + 1, w - 1), 0)], share);
        }
    }
}

/* Adds the sum of two rows times a weight to sums. In blocks: otherwise compilers merge the loop with the surrounding one
 * over weights, and then fail to vectorise it. */
ALWAYS void add_rows(const uint8_t *restrict one, const uint8_t *restrict other, uint16_t weight, int64_t count,
                     uint16_t *restrict sums)
{
    for (int64_t at = 0; at < count; at += BLOCK)
        for (int64_t i = at; i < least(at + BLOCK, count); i++)
            sums[i] = (uint16_t)(sums[i] + (one[i] + other[i]) * weight);
}

/* Multiplies x by a weight in 65,536ths. */
ALWAYS uint16_t weighed(uint16_t x, uint16_t weight) { return (uint16_t)((uint32_t)x * weight >> 16); }

/* Like `add_rows`, with weights in 65,536ths. */
ALWAYS void add_parts(const uint16_t *restrict one, const uint16_t *restrict other, uint16_t weight, int64_t count,
                      uint16_t *restrict sums)
{
    for (int64_t at = 0; at < count; at += BLOCK)
        for (int64_t i = at; i < least(at + BLOCK, count); i++)
            sums[i] = (uint16_t)(sums[i] + weighed(one[i], weight) + weighed(other[i], weight));
}

/* rendering.layer._blur */
WIDE EXPORT int64_t blur(const uint8_t *layer, const uint16_t *down, const uint16_t *across, uint8_t *result, int64_t h,
                      int64_t w, int64_t c, int64_t taps)
{
    const int64_t reach = taps - 1, side = w * c, edge = reach * c;
    if (h < 1 || w < 1 || c < 1 || taps < 1)
        return DONE;
    uint16_t *const sums = malloc((size_t)(2 * (side + edge)) * sizeof(uint16_t)), *const line = sums + side + edge;
    if (!sums)
        return NO_MEMORY;
    for (int64_t y = 0; y < h; y++) {
        const uint8_t *row = layer + y * side;
        for (int64_t i = 0; i < side; i++)
            line[i] = (uint16_t)(row[i] * down[0]);
        for (int64_t k = 1; k <= reach; k++)
            add_rows(layer + most(y - k, 0) * side, layer + least(y + k, h - 1) * side, down[k], side, line);
        for (int64_t i = 0; i < edge; i++) { /* repeats the first and last pixel in the free space at both ends */
            line[i - edge] = line[i % c];
            line[side + i] = line[side - c + i % c];
        }
        for (int64_t i = 0; i < side; i++)
            sums[i] = weighed(line[i], across[0]);
        for (int64_t k = 1; k <= reach; k++)
            add_parts(line - k * c, line + k * c, across[k], side, sums);
        for (int64_t i = 0; i < side; i++)
            result[y * side + i] = (uint8_t)((uint16_t)(sums[i] + 128) >> 8);
    }
    free(sums);
    return DONE;
}

/* rendering.layer._cast */
WIDE EXPORT int64_t cast(const uint8_t *layer, const float *weights, int64_t step, float right, float down, float depth,
                      float *small, float *blurred, uint8_t *shade, int64_t h, int64_t w, int64_t taps, int64_t tall,
                      int64_t wide)
{
    const int64_t reach = taps / 2;
    if (h < 1 || w < 1 || step < 1 || tall != (h + step - 1) / step || wide != (w + step - 1) / step)
        return DONE;
    float *const line = malloc((size_t)(w + 2 * (wide + 2 * reach + 2)) * sizeof(float));
    float *const shown = line + wide + 2 * reach + 2;
    if (!line)
        return NO_MEMORY;
    thin_out(layer, step, right, down, small, line, h, w, tall, wide);
    memset(blurred, 0, (size_t)(tall * wide) * sizeof(float));
    for (int64_t y = 0; y < tall; y++) {
        widen(small + y * wide, wide, reach, line);
        for (int64_t k = 0; k < taps; k++)
            for (int64_t x = 0; x < wide; x++)
                blurred[y * wide + x] += weights[k] * line[x + k];
    }
    memset(small, 0, (size_t)(tall * wide) * sizeof(float));
    for (int64_t y = 0; y < tall; y++)
        for (int64_t k = 0; k < taps; k++) {
            const float *from = blurred + most(least(y + k - reach, tall - 1), 0) * wide;
            for (int64_t x = 0; x < wide; x++)
                small[y * wide + x] += weights[k] * from[x];
        }
    for (int64_t y = 0; y < h; y++) {
        const float at_y = clip(((float)y + 0.5f) / (float)step - 0.5f, 0.0f, (float)(tall - 1));
        const int64_t row = (int64_t)at_y;
        const float *upper = small + row * wide, *lower = small + least(row + 1, tall - 1) * wide;
        for (int64_t x = 0; x < wide; x++)
            shown[x] = mix(upper[x], lower[x], at_y - (float)row);
        widen(shown, wide, 1, line);
        for (int64_t first = 0; first < step; first++) { /* pixels with the same position between points of the grid */
            const int64_t at = 2 * first + 1 + step;
            const float share = (float)(at % (2 * step)) / (float)(2 * step), *from = line + at / (2 * step);
            const int64_t count = (w - first + step - 1) / step;
            for (int64_t i = 0; i < count; i++)
                shown[i] = 255.5f - clip(mix(from[i], from[i + 1], share) * depth, 0.0f, 255.0f);
            for (int64_t i = 0; i < count; i++)
                shade[y * w + first + i * step] = (uint8_t)(int)shown[i];
        }
    }
    free(line);
    return DONE;
}
