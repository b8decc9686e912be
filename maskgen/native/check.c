#include "kernel.h"

/* faces.landmarks.plausibility._measure */
EXPORT int64_t measure(const float *mesh, const double *model, double *mean, double *products, double *squares, int64_t n)
{
    memset(mean, 0, 3 * sizeof(double));
    memset(products, 0, 9 * sizeof(double));
    *squares = 0.0;
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            mean[k] += mesh[3 * i + k];
    for (int k = 0; k < 3; k++)
        mean[k] /= (double)n;
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < 3; k++) {
            const double away = mesh[3 * i + k] - mean[k];
            *squares += away * away;
            for (int j = 0; j < 3; j++)
                products[3 * j + k] += model[3 * i + j] * away;
        }
    return DONE;
}

/* faces.landmarks.plausibility._fit */
EXPORT int64_t fit(const float *mesh, const double *model, const double *turn, const double *offset, double *fitted,
                double *away, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const double x = mesh[3 * i], y = mesh[3 * i + 1], z = mesh[3 * i + 2];
        away[i] = 0.0;
        for (int k = 0; k < 3; k++) {
            const double at = x * turn[3 * k] + y * turn[3 * k + 1] + z * turn[3 * k + 2] + offset[k];
            const double off = at - model[3 * i + k];
            fitted[3 * i + k] = at;
            away[i] += off * off;
        }
    }
    return DONE;
}

/* faces.landmarks.plausibility._count_flipped */
EXPORT int64_t count_flipped(const double *mesh, const int64_t *triangles, const double *normals, int64_t n, int64_t t)
{
    int64_t found = 0;
    for (int64_t i = 0; i < 3 * t; i++)
        if (triangles[i] < 0 || triangles[i] >= n)
            return t;
    for (int64_t i = 0; i < t; i++) {
        const double *a = mesh + 3 * triangles[3 * i], *b = mesh + 3 * triangles[3 * i + 1];
        const double *c = mesh + 3 * triangles[3 * i + 2], *normal = normals + 3 * i;
        const double ux = b[0] - a[0], uy = b[1] - a[1], uz = b[2] - a[2];
        const double vx = c[0] - a[0], vy = c[1] - a[1], vz = c[2] - a[2];
        const double x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
        found += x * normal[0] + y * normal[1] + z * normal[2] < 0.0;
    }
    return found;
}
