#include "kernel.h"

#define ONE 20  /* bits of a pixel's parts in a position */
#define PHASE 6 /* bits of them that choose the weights */

typedef int16_t Words __attribute__((vector_size(32)));
typedef int16_t Half __attribute__((vector_size(16)));
typedef int32_t Wide __attribute__((vector_size(32)));

/* Whether positions from x, y on by a step a column and a step a row stay where all their 4 x 4 pixels are. */
static int stays(int64_t from, int64_t by_column, int64_t by_row, int64_t w, int64_t h, int64_t side)
{
    const int64_t low = from + least((w - 1) * by_column, 0) + least((h - 1) * by_row, 0);
    const int64_t high = from + most((w - 1) * by_column, 0) + most((h - 1) * by_row, 0);
    return low >> ONE >= 1 && (high >> ONE) + 2 < side;
}

/* resample._look_up */
WIDE EXPORT void look_up(const int16_t *source, const int16_t *weights, int64_t x, int64_t y, int64_t x_by_column,
                         int64_t x_by_row, int64_t y_by_column, int64_t y_by_row, uint8_t *result, int64_t tall, int64_t wide, int64_t phases, int64_t h,
                         int64_t w)
{
    int32_t spread[1 << PHASE][16]; /* the weights across, each for four channels */
    if (phases != 1 << PHASE || !stays(x, x_by_column, x_by_row, w, h, wide) ||
        !stays(y, y_by_column, y_by_row, w, h, tall))
        return;
    for (int64_t phase = 0; phase < phases; phase++)
        for (int k = 0; k < 16; k++)
            spread[phase][k] = weights[4 * phase + k / 4];
    for (int64_t row = 0; row < h; row++)
        for (int64_t first = 0; first < w; first += BLOCK) {
            const int64_t count = least(BLOCK, w - first);
            int64_t at_x = x + first * x_by_column + row * x_by_row, at_y = y + first * y_by_column + row * y_by_row;
            int32_t sums[BLOCK][8];
            uint8_t out[BLOCK][4];
            for (int64_t i = 0; i < count; i++, at_x += x_by_column, at_y += y_by_column) {
                const int16_t *from = source + 4 * (((at_y >> ONE) - 1) * wide + (at_x >> ONE) - 1);
                const int16_t *down = weights + 4 * ((at_y >> (ONE - PHASE)) & (phases - 1));
                const int32_t *across = spread[(at_x >> (ONE - PHASE)) & (phases - 1)];
                union {
                    Words all;
                    Half halves[2];
                } column = {{0}};
                Wide left, right;
                for (int k = 0; k < 4; k++) {
                    Words four;
                    memcpy(&four, from + k * 4 * wide, sizeof four);
                    column.all += four * down[k];
                }
                memcpy(&left, across, sizeof left);
                memcpy(&right, across + 8, sizeof right);
                left = __builtin_convertvector(column.halves[0], Wide) * left +
                       __builtin_convertvector(column.halves[1], Wide) * right;
                memcpy(sums[i], &left, sizeof left);
            }
            for (int64_t i = 0; i < count; i++)
                for (int k = 0; k < 4; k++) {
                    const int grey = (sums[i][k] + sums[i][k + 4] + 2048) >> 12;
                    out[i][k] = (uint8_t)(grey < 0 ? 0 : grey > 255 ? 255 : grey);
                }
            for (int64_t i = 0; i < count; i++)
                for (int k = 0; k < 3; k++)
                    result[3 * (row * w + first + i) + k] = out[i][k];
        }
}
