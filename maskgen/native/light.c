#include "kernel.h"

/* rendering.lighting._sample */
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

/* Finds the value that `values[nth]` would be if they were sorted; changes their order. C. A. R. Hoare's FIND, 1961. */
static float select_nth(float *values, int64_t count, int64_t nth)
{
    int64_t low = 0, high = count - 1;
    while (low < high) {
        const float pivot = values[nth];
        int64_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (pivot < values[j])
                j--;
            if (i <= j) {
                const float kept = values[i];
                values[i++] = values[j];
                values[j--] = kept;
            }
        }
        if (j < nth)
            low = i;
        if (nth < i)
            high = j;
    }
    return values[nth];
}

/* rendering.lighting._median; changes the order of the values */
static float median(float *values, int64_t count)
{
    const float upper = select_nth(values, count, count / 2);
    return count % 2 ? upper : (select_nth(values, count, count / 2 - 1) + upper) * 0.5f;
}

/* rendering.lighting._weigh */
EXPORT int64_t weigh(const float *skin, const float *normals, float *bends, const float *luma, float spread,
                  float slack, double *found, int64_t count)
{
    if (count < 1)
        return DONE;
    float *const greys = malloc((size_t)(4 * count) * sizeof(float)), *const work = greys + count;
    int64_t kept = 0;
    if (!greys)
        return NO_MEMORY;
    found[0] = median(bends, 2 * count);
    for (int64_t i = 0; i < count; i++)
        work[i] = greys[i] = skin[3 * i] * luma[0] + skin[3 * i + 1] * luma[1] + skin[3 * i + 2] * luma[2];
    const float middle = median(work, count);
    for (int64_t i = 0; i < count; i++)
        work[i] = fabsf(greys[i] - middle);
    const float most_away = spread * median(work, count) + slack;
    for (int64_t i = 0; i < count; i++)
        if (fabsf(greys[i] - middle) < most_away)
            work[kept++] = greys[i];
    const float front = median(work, kept) + 1e-4f;
    found[1] = front;
    for (int k = 0; k < 3; k++) {
        kept = 0;
        for (int64_t i = 0; i < count; i++)
            if (fabsf(greys[i] - middle) < most_away)
                work[kept++] = skin[3 * i + k];
        found[2 + k] = median(work, kept);
    }
    memset(found + 5, 0, 9 * sizeof(double));
    for (int64_t i = 0; i < count; i++) {
        const double x = normals[3 * i], y = normals[3 * i + 1], z = (double)normals[3 * i + 2] + 1.0;
        const double off[] = {x, y, z, greys[i] / front - 1.0f};
        if (fabsf(greys[i] - middle) < most_away)
            for (int j = 0, at = 5; j < 3; j++)
                for (int k = j; k < 4; k++)
                    found[at++] += off[j] * off[k];
    }
    free(greys);
    return DONE;
}

/* rendering.lighting._levels */
EXPORT int64_t levels(const uint8_t *picture, int64_t rare, int64_t *sums, int64_t h, int64_t w)
{
    int64_t brightest[256] = {0}, above = 0, level = 255;
    memset(sums, 0, 10 * sizeof(int64_t));
    for (int64_t y = 0; y < h; y += 4)
        for (int64_t x = 0; x < w; x += 4) {
            const uint8_t *p = picture + 3 * (y * w + x);
            brightest[most(p[0], most(p[1], p[2]))]++;
        }
    for (int64_t y = 0; y < h; y += 8)
        for (int64_t x = 0; x < w; x += 8) {
            const uint8_t *p = picture + 3 * (y * w + x);
            const int64_t pixel[] = {p[0], p[1], p[2], 1};
            for (int j = 0, at = 0; j < 4; j++)
                for (int k = j; k < 4; k++)
                    sums[at++] += pixel[j] * pixel[k];
        }
    const int64_t count = ((h + 3) / 4) * ((w + 3) / 4);
    while (level > 0 && (above += brightest[level]) <= count / rare)
        level--;
    return level;
}
