#include "kernel.h"

#define UNKNOWN 6 /* rotation about x, y, z, then shift along them */

/* Computes the derivatives of a point's projected x and y by the six unknowns, and their residuals: UNKNOWN + 1 each. */
static void rows_of(const double *turn, const double *shift, const double *point, const double *seen, double distance,
                    double rows[2][UNKNOWN + 1])
{
    double turned[3];
    for (int k = 0; k < 3; k++)
        turned[k] = turn[3 * k] * point[0] + turn[3 * k + 1] * point[1] + turn[3 * k + 2] * point[2];
    const double gain = distance / (turned[2] + shift[2]), back = gain / distance;
    const double x = (turned[0] + shift[0]) * back, y = (turned[1] + shift[1]) * back;
    const double across[] = {-x * turned[1], turned[2] + x * turned[0], -turned[1], 1.0, 0.0, -x};
    const double down[] = {-turned[2] - y * turned[1], y * turned[0], turned[0], 0.0, 1.0, -y};
    for (int k = 0; k < UNKNOWN; k++) {
        rows[0][k] = gain * across[k];
        rows[1][k] = gain * down[k];
    }
    rows[0][UNKNOWN] = seen[0] - distance * x;
    rows[1][UNKNOWN] = seen[1] - distance * y;
}

/* Solves the system of UNKNOWN rows in place, without pivots: it is positive definite; the result is its last column. */
static void solve(double system[UNKNOWN][UNKNOWN + 1])
{
    for (int k = 0; k < UNKNOWN; k++)
        for (int i = 0; i < UNKNOWN; i++) {
            const double factor = system[i][k] / system[k][k];
            if (i != k)
                for (int j = k; j <= UNKNOWN; j++)
                    system[i][j] -= factor * system[k][j];
        }
    for (int k = 0; k < UNKNOWN; k++)
        system[k][UNKNOWN] /= system[k][k];
}

/* Multiplies a rotation from the left by the one that Cayley's formula gives for half its rotation vector. */
static void turn_by(const double half[3], double *turn)
{
    const double a = half[0], b = half[1], c = half[2], gain = 2.0 / (1.0 + a * a + b * b + c * c);
    const double by[9] = {
        1.0 - gain * (b * b + c * c), gain * (a * b - c), gain * (a * c + b),
        gain * (a * b + c), 1.0 - gain * (a * a + c * c), gain * (b * c - a),
        gain * (a * c - b), gain * (b * c + a), 1.0 - gain * (a * a + b * b),
    };
    double was[9];
    memcpy(was, turn, sizeof was);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            turn[3 * i + j] = by[3 * i] * was[j] + by[3 * i + 1] * was[3 + j] + by[3 * i + 2] * was[6 + j];
}

/* faces.pose._settle */
EXPORT int64_t settle(const double *points, const double *seen, double *turn, double *shift, int64_t distance,
                   float damping, int64_t steps, int64_t n)
{
    for (int64_t step = 0; step < steps; step++) {
        double system[UNKNOWN][UNKNOWN + 1] = {{0}}, rows[2][UNKNOWN + 1];
        for (int64_t i = 0; i < n; i++) {
            rows_of(turn, shift, points + 3 * i, seen + 2 * i, (double)distance, rows);
            for (int j = 0; j < UNKNOWN; j++)
                for (int k = 0; k <= UNKNOWN; k++)
                    system[j][k] += rows[0][j] * rows[0][k] + rows[1][j] * rows[1][k];
        }
        for (int k = 0; k < UNKNOWN; k++)
            system[k][k] += (double)damping;
        solve(system);
        const double half[3] = {system[0][UNKNOWN] * 0.5, system[1][UNKNOWN] * 0.5, system[2][UNKNOWN] * 0.5};
        turn_by(half, turn);
        for (int k = 0; k < 3; k++)
            shift[k] += system[3 + k][UNKNOWN];
    }
    return DONE;
}
