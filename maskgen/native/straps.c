#include "kernel.h"

/* Tells whether a pixel does not have the colour of the skin: hair or background. */
static int is_other(const uint8_t *pixel, const float *skin, const float *luma, const float *limits)
{
    float colour[3], far = 0.0f;
    for (int k = 0; k < 3; k++) {
        const float share = (float)pixel[k] * (1.0f / 255.0f);
        colour[k] = share * share;
    }
    const float light = colour[0] * luma[0] + colour[1] * luma[1] + colour[2] * luma[2] + 1e-3f;
    const float usual = skin[0] * luma[0] + skin[1] * luma[1] + skin[2] * luma[2] + 1e-3f;
    for (int k = 0; k < 3; k++) {
        const float away = fabsf(colour[k] / light - skin[k] / usual);
        far = away > far ? away : far;
    }
    return light / usual < limits[0] || light / usual > limits[1] || far > limits[2];
}

/* rendering.straps._under_hair */
EXPORT int64_t under_hair(const float *lines, const uint8_t *picture, const float *skin, const float *luma,
                       const float *limits, uint8_t *hidden, int64_t k, int64_t n, int64_t h, int64_t w)
{
    if (h < 1 || w < 1)
        return DONE;
    for (int64_t line = 0; line < k; line++) {
        uint8_t *out = hidden + line * n;
        for (int64_t i = 0; i < n; i++) {
            const float *at = lines + 3 * (line * n + i);
            const int64_t x = (int64_t)clip(at[0], 0.0f, (float)(w - 1)), y = (int64_t)clip(at[1], 0.0f, (float)(h - 1));
            out[i] = i > 0 && is_other(picture + 3 * (y * w + x), skin, luma, limits);
        }
        for (int64_t i = 0; i < n; i++) /* hidden from the first two such points on */
            out[i] = (out[i] && (i + 1 == n || out[i + 1])) || (i > 0 && out[i - 1]);
    }
    return DONE;
}

/* rendering.straps._ribbons */
EXPORT int64_t ribbons(const float *lines, const float *widths, float one, int64_t left, int64_t top, int32_t *edges,
                    int64_t k, int64_t n, int64_t m)
{
    if (n < 2 || m != 2 * n)
        return DONE;
    for (int64_t line = 0; line < k; line++)
        for (int64_t i = 0; i < n; i++) {
            const float *points = lines + 3 * line * n, *at = points + 3 * i;
            const float *before = points + 3 * most(i - 1, 0), *behind = points + 3 * least(i + 1, n - 1);
            const float x = behind[0] - before[0], y = behind[1] - before[1], length = sqrtf(x * x + y * y);
            const float half = widths[line] * 0.5f / (length > 1e-6f ? length : 1e-6f);
            const float shown_x = at[0] - (float)left, shown_y = at[1] - (float)top;
            int32_t *one_edge = edges + 2 * (line * m + i), *other = edges + 2 * (line * m + m - 1 - i);
            one_edge[0] = (int32_t)rintf((shown_x - y * half) * one);
            one_edge[1] = (int32_t)rintf((shown_y + x * half) * one);
            other[0] = (int32_t)rintf((shown_x + y * half) * one);
            other[1] = (int32_t)rintf((shown_y - x * half) * one);
        }
    return DONE;
}
