#include "kernel.h"

/* light._sample */
EXPORT int64_t sample(const uint8_t *picture, const float *mesh, const int64_t *triangles, const float *luma,
                      float *skin, float *normals, float *bends, int64_t h, int64_t w, int64_t points, int64_t t)
{
    int64_t found = 0, away = 0;
    for (int64_t i = 0; i < 3 * t; i++)
        if (triangles[i] < 0 || triangles[i] >= points)
            return 0;
    for (int64_t i = 0; i < t; i++) {
        const float *a = mesh + 3 * triangles[3 * i], *b = mesh + 3 * triangles[3 * i + 1];
        const float *c = mesh + 3 * triangles[3 * i + 2];
        away += (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0.0f;
    }
    for (int64_t i = 0; i < t; i++) {
        const float *a = mesh + 3 * triangles[3 * i], *b = mesh + 3 * triangles[3 * i + 1];
        const float *c = mesh + 3 * triangles[3 * i + 2];
        const float ux = b[0] - a[0], uy = b[1] - a[1], uz = b[2] - a[2];
        const float vx = c[0] - a[0], vy = c[1] - a[1], vz = c[2] - a[2];
        const float x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
        const float size = sqrtf(x * x + y * y + z * z) + 1e-9f, length = 2 * away > t ? -size : size;
        const float column = (a[0] + b[0] + c[0]) * (1.0f / 3.0f), row = (a[1] + b[1] + c[1]) * (1.0f / 3.0f);
        float grey[9];
        int sums[3] = {0};
        if (!(column > 1.0f && row > 1.0f && column < (float)(w - 2) && row < (float)(h - 2) && z / length < -0.15f))
            continue;
        const uint8_t *corner = picture + 3 * (((int64_t)row - 1) * w + (int64_t)column - 1);
        for (int k = 0; k < 9; k++) {
            const uint8_t *pixel = corner + 3 * (k / 3 * w + k % 3);
            grey[k] = (float)pixel[0] * luma[0] + (float)pixel[1] * luma[1] + (float)pixel[2] * luma[2];
            for (int j = 0; j < 3; j++)
                sums[j] += pixel[j];
        }
        for (int j = 0; j < 3; j++) {
            const float mean = (float)sums[j] * (1.0f / 2295.0f);
            skin[3 * found + j] = mean * mean;
        }
        normals[3 * found] = x / length;
        normals[3 * found + 1] = y / length;
        normals[3 * found + 2] = z / length;
        bends[2 * found] = fabsf(grey[3] - 2.0f * grey[4] + grey[5]);
        bends[2 * found + 1] = fabsf(grey[1] - 2.0f * grey[4] + grey[7]);
        found++;
    }
    return found;
}
