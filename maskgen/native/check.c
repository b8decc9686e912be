#include "kernel.h"

/* check._count_flipped */
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
