#include "kernel.h"

/* rendering.placement._is_near_eyes */
EXPORT int64_t is_near_eyes(const float *mesh, const int64_t *lids, const float *places, int64_t around, int64_t left,
                            int64_t top, int64_t n, int64_t eyes, int64_t k, int64_t h, int64_t w)
{
    const float corner[2] = {(float)left, (float)top}, side[2] = {(float)w, (float)h};
    for (int64_t eye = 0; eye < eyes; eye++) {
        int64_t first[2], end[2];
        for (int axis = 0; axis < 2; axis++) {
            float low = INFINITY, high = -INFINITY;
            for (int64_t i = 0; i < k; i++) {
                const int64_t point = lids[eye * k + i];
                if (point < 0 || point >= n)
                    return 0;
                const float at = rintf(mesh[3 * point + axis]);
                low = at < low ? at : low;
                high = at > high ? at : high;
            }
            first[axis] = (int64_t)clip(low - (float)(around + 1) - corner[axis], 0.0f, side[axis]);
            end[axis] = (int64_t)clip(high + (float)(around + 2) - corner[axis], 0.0f, side[axis]);
        }
        for (int64_t y = first[1]; y < end[1]; y++)
            for (int64_t x = first[0]; x < end[0]; x++)
                if (places[2 * (y * w + x)] >= 0.0f)
                    return 1;
    }
    return 0;
}
