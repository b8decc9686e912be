#include "kernel.h"

/* rendering.cloth._shade */
EXPORT int64_t shade(const float *grid, const float *direction, float across_gain, float down_gain, float *cells,
                  int64_t rows, int64_t columns)
{
    const float x = direction[0], y = direction[1], z = direction[2], front = 1.0f + z;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++) {
            const int64_t left = most(column - 1, 0), right = least(column + 1, columns - 1);
            const int64_t above = most(row - 1, 0), below = least(row + 1, rows - 1);
            const float wide = right - left > 1 ? 0.5f : 1.0f, tall = below - above > 1 ? 0.5f : 1.0f;
            float a[3], d[3];
            for (int i = 0; i < 3; i++) {
                a[i] = (grid[(row * columns + right) * 3 + i] - grid[(row * columns + left) * 3 + i]) * wide;
                d[i] = (grid[(below * columns + column) * 3 + i] - grid[(above * columns + column) * 3 + i]) * tall;
            }
            const float aa = a[0] * a[0] + a[1] * a[1] + a[2] * a[2];
            const float dd = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
            const float ad = a[0] * d[0] + a[1] * d[1] + a[2] * d[2];
            const float nx = d[1] * a[2] - d[2] * a[1], ny = d[2] * a[0] - d[0] * a[2], nz = d[0] * a[1] - d[1] * a[0];
            const float area = aa * dd - ad * ad, length = sqrtf(area < 0.0f ? 0.0f : area) + 1e-6f;
            float *cell = cells + (row * columns + column) * 3;
            cell[0] = clip((nx * x + ny * y + nz * z) / length + front, 0.25f, 1.7f);
            cell[1] = (a[0] * x + a[1] * y + a[2] * z) * across_gain / (aa + 1e-6f);
            cell[2] = (d[0] * x + d[1] * y + d[2] * z) * down_gain / (dd + 1e-6f);
        }
    return DONE;
}

typedef struct {
    const float *cells;      /* rows, columns, 3: light, its change per slope across and down */
    int64_t columns, across; /* columns of `cells`, texels per cell */
} Light;

/* Computes the square root of the light on texels x0.. of a line that lies `share` of a cell below `row`. */
ALWAYS void light_row(
    Light light, int64_t row, float share, int64_t x0, int64_t count, const int16_t *slope_u, const int16_t *slope_v,
    const int16_t *crease_u, const int16_t *crease_v, int64_t left, int64_t wrap, float crease, float darkest,
    float brightest, float *lit)
{
    float even[BLOCK], by_u[BLOCK], by_v[BLOCK], more_u[BLOCK], more_v[BLOCK];
    const float step = 1.0f / (float)light.across;
    const float *above = light.cells + row * light.columns * 3, *below = above + light.columns * 3;
    for (int64_t i = 0; i < count;) {
        const int64_t column = (x0 + i) / light.across, inside = (x0 + i) % light.across;
        const int64_t end = least(i + light.across - inside, count);
        float from[3], rise[3];
        for (int k = 0; k < 3; k++) {
            const float *a = above + column * 3 + k, *b = below + column * 3 + k;
            from[k] = a[0] + (b[0] - a[0]) * share;
            rise[k] = a[3] + (b[3] - a[3]) * share - from[k];
        }
        const int first = (int)inside, texels = (int)(end - i);
        for (int j = 0; j < texels; j++) {
            const float along = ((float)(first + j) + 0.5f) * step;
            even[i + j] = from[0] + rise[0] * along;
            by_u[i + j] = from[1] + rise[1] * along;
            by_v[i + j] = from[2] + rise[2] * along;
        }
        i = end;
    }
    for (int64_t i = 0; i < count;) {
        const int64_t at = (x0 + i + left) % wrap, end = least(i + wrap - at, count);
        for (int64_t j = i; j < end; j++) {
            more_u[j] = (float)crease_u[at + j - i] * crease;
            more_v[j] = (float)crease_v[at + j - i] * crease;
        }
        i = end;
    }
    for (int64_t i = 0; i < count; i++) {
        const float u = (float)slope_u[i] * (1.0f / 1024.0f) + more_u[i];
        const float v = (float)slope_v[i] * (1.0f / 1024.0f) + more_v[i];
        lit[i] = sqrtf(clip(even[i] - u * by_u[i] - v * by_v[i], darkest, brightest));
    }
}

/* Computes R, G, B of texels under even light from tints and a tile: none (NULL), a pattern, or an image (`ink` > 0). */
ALWAYS void dye_row(
    const uint8_t *grey, const uint8_t *tile, int64_t left, int64_t wrap, const float *tints, float ink, int64_t count,
    float (*dyed)[BLOCK])
{
    float tiles[4][BLOCK];
    if (!tile) {
        for (int c = 0; c < 3; c++)
            for (int64_t i = 0; i < count; i++)
                dyed[c][i] = (float)grey[i] * tints[c];
        return;
    }
    for (int64_t i = 0; i < count;) {
        const int64_t at = (left + i) % wrap, end = least(i + wrap - at, count);
        for (int64_t j = i; j < end; j++)
            for (int k = 0; k < 4; k++)
                tiles[k][j] = (float)tile[4 * (at + j - i) + k];
        i = end;
    }
    for (int c = 0; c < 3; c++) {
        const float one = tints[c], two = tints[3 + c], three = tints[6 + c];
        if (ink > 0.0f)
            for (int64_t i = 0; i < count; i++)
                dyed[c][i] = (float)grey[i] * (one * (1.0f - tiles[3][i] * ink) + tiles[c][i] * ink);
        else
            for (int64_t i = 0; i < count; i++) {
                const float mixed = one + tiles[0][i] * (1.0f / 255.0f) * (two - one);
                const float base = (float)grey[i] * (0.5f + tiles[2][i] * (1.0f / 255.0f));
                dyed[c][i] = (mixed + tiles[1][i] * (1.0f / 255.0f) * (three - mixed)) * base;
            }
    }
}

/* rendering.cloth._lay */
WIDE EXPORT int64_t lay(const float *cells, const uint8_t *grey, const uint8_t *opacity, const int16_t *slopes,
                     const uint8_t *overlay, const int16_t *creases, const uint8_t *tile, const float *tints,
                     const float *gains, const float *limits, float saturation, float crease, float ink,
                     int64_t crease_top, int64_t crease_left, int64_t tile_top, int64_t tile_left, uint8_t *texels,
                     int64_t rows, int64_t columns, int64_t h, int64_t w, int64_t over_h, int64_t over_w,
                     int64_t crease_h, int64_t crease_w, int64_t tile_h, int64_t tile_w)
{
    if (rows < 2 || columns < 2 || crease_h < 1 || crease_w < 1)
        return DONE;
    if (crease_top < 0 || crease_left < 0 || tile_top < 0 || tile_left < 0)
        return DONE;
    const int64_t down = h / (rows - 1), across = w / (columns - 1);
    const Light light = {cells, columns, across};
    if (down * (rows - 1) != h || across * (columns - 1) != w)
        return DONE;
    if ((over_h || over_w) && (over_h != h || over_w != w))
        return DONE;
    for (int64_t y = 0; y < h; y++) {
        const float share = ((float)(y % down) + 0.5f) * (1.0f / (float)down);
        const int16_t *crease_u = creases + (y + crease_top) % crease_h * crease_w;
        const uint8_t *tile_row = tile_h && tile_w ? tile + (y + tile_top) % tile_h * tile_w * 4 : NULL;
        for (int64_t x = 0; x < w; x += BLOCK) {
            const int64_t count = least(BLOCK, w - x), at = y * w + x;
            float lit[BLOCK], dyed[3][BLOCK], luma[BLOCK];
            uint8_t out[4][BLOCK];
            light_row(light, y / down, share, x, count, slopes + at, slopes + h * w + at, crease_u,
                      crease_u + crease_h * crease_w, crease_left, crease_w, crease, limits[0], limits[1], lit);
            dye_row(grey + at, tile_row, x + tile_left, tile_w, tints, ink, count, dyed);
            if (over_h)
                for (int c = 0; c < 3; c++)
                    for (int64_t i = 0; i < count; i++)
                        dyed[c][i] += (float)overlay[c * h * w + at + i];
            for (int64_t i = 0; i < count; i++) {
                const float r = dyed[0][i], g = dyed[1][i], b = dyed[2][i];
                luma[i] = r * limits[2] + g * limits[3] + b * limits[4];
            }
            for (int c = 0; c < 3; c++)
                for (int64_t i = 0; i < count; i++) {
                    const float colour = (luma[i] + (dyed[c][i] - luma[i]) * saturation) * (lit[i] * gains[c]);
                    out[c][i] = (uint8_t)(int)(clip(colour, 0.0f, (float)opacity[at + i]) + 0.5f);
                }
            memcpy(out[3], opacity + at, (size_t)count);
            join(out, 4, count, texels + 4 * at);
        }
    }
    return DONE;
}
