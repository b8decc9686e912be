#include "kernel.h"

/* Between two values by a share. */
ALWAYS float mix(float a, float b, float share) { return a + (b - a) * share; }

/* A line, going on `more` points as it begins and ends. */
ALWAYS void widen(const float *line, int64_t count, int64_t more, float *out)
{
    for (int64_t i = 0; i < more; i++) {
        out[i] = line[0];
        out[more + count + i] = line[count - 1];
    }
    memcpy(out + more, line, (size_t)count * sizeof(float));
}

/* A layer's opacity, moved, at every `step`-th pixel; `work` holds a row. */
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

/* layer._cast */
WIDE EXPORT void cast(const uint8_t *layer, const float *weights, int64_t step, float right, float down, float depth,
                      float *small, float *blurred, uint8_t *shade, int64_t h, int64_t w, int64_t taps, int64_t tall,
                      int64_t wide)
{
    const int64_t reach = taps / 2;
    if (h < 1 || w < 1 || step < 1 || tall != (h + step - 1) / step || wide != (w + step - 1) / step)
        return;
    float *const line = malloc((size_t)(w + 2 * (wide + 2 * reach + 2)) * sizeof(float));
    float *const shown = line + wide + 2 * reach + 2;
    if (!line)
        return;
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
        for (int64_t first = 0; first < step; first++) { /* the pixels that lie alike between points of the grid */
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
}
