#include "kernel.h"

/* faces.landmarks.crop_windows._bounds */
EXPORT int64_t bounds(const float *mesh, float cosine, float sine, float *result, int64_t n)
{
    float left = INFINITY, top = INFINITY, right = -INFINITY, bottom = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        const float x = mesh[3 * i], y = mesh[3 * i + 1];
        const float across = x * cosine + y * sine, down = y * cosine - x * sine;
        left = across < left ? across : left;
        right = across > right ? across : right;
        top = down < top ? down : top;
        bottom = down > bottom ? down : bottom;
    }
    result[0] = left;
    result[1] = top;
    result[2] = right;
    result[3] = bottom;
    return DONE;
}

/* faces.landmarks.mesh._lay_out */
WIDE EXPORT int64_t lay_out(const float *points, float cosine, float sine, float x, float y, float scale, float *mesh,
                         int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const float right = points[3 * i] - 0.5f, below = points[3 * i + 1] - 0.5f;
        mesh[3 * i] = right * cosine + below * sine + x;
        mesh[3 * i + 1] = below * cosine - right * sine + y;
        mesh[3 * i + 2] = points[3 * i + 2] * scale;
    }
    return DONE;
}
