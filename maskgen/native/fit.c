#include "kernel.h"

static int are_in(const int64_t *indices, int64_t count, int64_t n)
{
    for (int64_t i = 0; i < count; i++)
        if (indices[i] < 0 || indices[i] >= n)
            return 0;
    return 1;
}

/* rendering.projection._compare */
EXPORT int64_t compare(const float *mesh, const int64_t *steady, const double *model, double *mean, double *products,
                    int64_t n, int64_t s)
{
    if (!are_in(steady, s, n))
        return DONE;
    memset(mean, 0, 3 * sizeof(double));
    memset(products, 0, 9 * sizeof(double));
    for (int64_t i = 0; i < s; i++)
        for (int j = 0; j < 3; j++) {
            const double at = mesh[3 * steady[i] + j];
            mean[j] += at;
            for (int k = 0; k < 3; k++)
                products[3 * j + k] += at * model[3 * i + k];
        }
    for (int j = 0; j < 3; j++)
        mean[j] /= (double)s;
    return DONE;
}

/* rendering.projection._sway */
WIDE EXPORT int64_t sway(const float *mesh, const int64_t *steady, const double *model, const double *offset,
                      const double *back, const float *modes, float *result, int64_t n, int64_t s, int64_t m)
{
    if (!are_in(steady, s, n))
        return DONE;
    float *const right = calloc((size_t)(3 * m + 1), sizeof(float)), *const down = right + m, *const deep = down + m;
    if (!right)
        return NO_MEMORY;
    for (int64_t i = 0; i < s; i++) {
        const float *at = mesh + 3 * steady[i];
        const double x = at[0] - offset[0], y = at[1] - offset[1], z = at[2] - offset[2];
        float away[3];
        for (int k = 0; k < 3; k++)
            away[k] = (float)(x * back[k] + y * back[3 + k] + z * back[6 + k] - model[3 * i + k]);
        for (int64_t j = 0; j < m; j++) {
            const float share = modes[i * m + j];
            right[j] += share * away[0];
            down[j] += share * away[1];
            deep[j] += share * away[2];
        }
    }
    for (int64_t j = 0; j < m; j++) {
        result[3 * j] = right[j];
        result[3 * j + 1] = down[j];
        result[3 * j + 2] = deep[j];
    }
    free(right);
    return DONE;
}
