#include "kernel.h"

/* rendering.projection._carry */
WIDE EXPORT int64_t carry(const float *points, const float *follow, const float *sway, const float *slack, float cosine,
                       float sine, float size, float down, const float *turn, float scale, const float *offset,
                       int64_t first, float *placed, float *bounds, int64_t p, int64_t m)
{
    if (first < 1 || first > p)
        return DONE;
    float *const x = malloc((size_t)(3 * p) * sizeof(float)), *const y = x + p, *const z = y + p;
    float middle[3] = {0};
    if (!x)
        return NO_MEMORY;
    memcpy(x, points, (size_t)(3 * p) * sizeof(float));
    for (int64_t mode = 0; mode < m; mode++)
        for (int64_t i = 0; i < p; i++) {
            const float share = follow[mode * p + i];
            x[i] += share * sway[3 * mode];
            y[i] += share * sway[3 * mode + 1];
            z[i] += share * sway[3 * mode + 2];
        }
    for (int k = 0; k < 3; k++) {
        for (int64_t i = 0; i < first; i++)
            middle[k] += x[k * p + i];
        middle[k] /= (float)first;
    }
    for (int64_t i = 0; i < p; i++) {
        const float dx = x[i] - middle[0], dy = y[i] - middle[1], dz = z[i] - middle[2];
        const float at_x = x[i] + slack[i] * (dx * cosine - dy * sine);
        const float at_y = y[i] + slack[i] * (dx * sine + dy * cosine + down);
        const float at_z = z[i] + slack[i] * (dz * size);
        for (int k = 0; k < 3; k++)
            placed[3 * i + k] = (at_x * turn[3 * k] + at_y * turn[3 * k + 1] + at_z * turn[3 * k + 2]) * scale + offset[k];
    }
    free(x);
    for (int k = 0; k < 2; k++) {
        float low = placed[k], high = placed[k];
        for (int64_t i = 0; i < p; i++) {
            const float at = placed[3 * i + k];
            low = at < low ? at : low;
            high = at > high ? at : high;
            if (i < first) {
                bounds[k] = low;
                bounds[2 + k] = high;
            }
        }
        bounds[4 + k] = low;
        bounds[6 + k] = high;
    }
    return DONE;
}
