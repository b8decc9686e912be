#include "kernel.h"

#define ONE 256                 /* corners are rounded to this fraction of a pixel */

typedef struct {
    int64_t x, y;
    float z, row, column;
} Corner;

static int64_t floor_div(int64_t a) { return a >= 0 ? a / ONE : -((-a + ONE - 1) / ONE); }

/* Draws a triangle into the planes: each pixel in it gets its place on the mask if it is nearer than the depth there.
 * Returns whether any pixel was drawn. */
ALWAYS int triangle(Corner a, Corner b, Corner c, float *places, float *nearest, float row_step, float column_step,
                     int64_t h, int64_t w)
{
    const int64_t bx = b.x - a.x, by = b.y - a.y, cx = c.x - a.x, cy = c.y - a.y, area = bx * cy - by * cx;
    const int64_t low_x = least(a.x, least(b.x, c.x)), high_x = most(a.x, most(b.x, c.x));
    const int64_t low_y = least(a.y, least(b.y, c.y)), high_y = most(a.y, most(b.y, c.y));
    const int64_t x0 = most(floor_div(low_x + ONE - 1), 0), x1 = least(floor_div(high_x), w - 1);
    const int64_t y0 = most(floor_div(low_y + ONE - 1), 0), y1 = least(floor_div(high_y), h - 1);
    int drawn = 0;
    if (area == 0)
        return 0;
    const int64_t sign = area > 0 ? 1 : -1, whole = area * sign;
    const float one = 1.0f / (float)whole;
    for (int64_t y = y0; y <= y1; y++) {
        const int64_t dx = x0 * ONE - a.x, dy = y * ONE - a.y;
        int64_t at_b = (dx * cy - dy * cx) * sign, at_c = (bx * dy - by * dx) * sign;
        int entered = 0;
        for (int64_t at = y * w + x0; at <= y * w + x1; at++, at_b += cy * ONE * sign, at_c -= by * ONE * sign) {
            if ((at_b | at_c | (whole - at_b - at_c)) < 0) {
                if (entered)
                    break;
                continue;
            }
            entered = 1;
            const float s = (float)at_b * one, t = (float)at_c * one;
            const float z = a.z + (s * (b.z - a.z) + t * (c.z - a.z));
            if (!(z < nearest[at]))
                continue;
            drawn = 1;
            nearest[at] = z;
            places[2 * at] = (a.row + (s * (b.row - a.row) + t * (c.row - a.row))) * row_step;
            places[2 * at + 1] = (a.column + (s * (b.column - a.column) + t * (c.column - a.column))) * column_step;
        }
    }
    return drawn;
}

/* Converts a coordinate to fractions of a pixel, counted from `origin`. */
static int64_t parts(float at, int64_t origin, float beyond)
{
    return (int64_t)clip(rintf((at - (float)origin) * (float)ONE), -beyond, beyond);
}

/* Tells whether a cell faces the viewer. */
static int faces(const float *grid, int64_t columns, int64_t row, int64_t column)
{
    const float *a = grid + 3 * (row * columns + column), *b = a + 3, *d = a + 3 * columns, *c = d + 3;
    return (b[0] - d[0]) * (c[1] - a[1]) > (b[1] - d[1]) * (c[0] - a[0]);
}

/* Tells whether a cell or one of the eight around it faces the viewer. */
static int is_drawn(const float *grid, int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    for (int64_t r = most(row - 1, 0); r <= least(row + 1, rows - 2); r++)
        for (int64_t c = most(column - 1, 0); c <= least(column + 1, columns - 2); c++)
            if (faces(grid, columns, r, c))
                return 1;
    return 0;
}

/* rendering.projection._draw_cells */
WIDE EXPORT int64_t draw_cells(const float *grid, int64_t x0, int64_t y0, float beyond, float unseen, float *places,
                               float *nearest, int64_t rows, int64_t columns, int64_t h, int64_t w)
{
    const float row_step = 1.0f / (float)(rows - 1), column_step = 1.0f / (float)(columns - 1);
    int drawn = 0;
    for (int64_t at = 0; at < h * w; at++) {
        places[2 * at] = places[2 * at + 1] = unseen;
        nearest[at] = INFINITY;
    }
    for (int64_t row = 0; row < rows - 1; row++)
        for (int64_t column = 0; column < columns - 1; column++) {
            Corner four[4];
            if (!is_drawn(grid, rows, columns, row, column))
                continue;
            for (int i = 0; i < 4; i++) { /* corners around the cell: 0 1 above 3 2 */
                const int64_t r = row + (i > 1), c = column + (i == 1 || i == 2);
                const float *at = grid + 3 * (r * columns + c);
                four[i] = (Corner){parts(at[0], x0, beyond), parts(at[1], y0, beyond), at[2], (float)r, (float)c};
            }
            drawn |= triangle(four[0], four[1], four[2], places, nearest, row_step, column_step, h, w);
            drawn |= triangle(four[0], four[2], four[3], places, nearest, row_step, column_step, h, w);
        }
    return drawn;
}
