#include "kernel.h"

/* rendering.occlusion._dark */
EXPORT int64_t dark(const uint8_t *picture, const float *places, const float *lights, const float *borders,
                    const float *luma, float skin, int64_t left, int64_t top, int64_t core, uint8_t *hidden,
                    int64_t picture_h, int64_t picture_w, int64_t h, int64_t w, int64_t rows, int64_t columns)
{
    const float side = borders[0], jaw = borders[1], nose = borders[2], rim = borders[3];
    const float per_u = borders[4], per_v = borders[5], per_rim = borders[6], darkest = borders[7], per_dark = borders[8];
    int64_t found = 0;
    if (left < 0 || top < 0 || left + w > picture_w || top + h > picture_h || rows < 2 || columns < 2)
        return 0;
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            const int64_t at = y * w + x;
            const float row = places[2 * at], column = places[2 * at + 1], aside = fabsf(column - 0.5f);
            hidden[at] = 0;
            if (!(row >= 0.0f) || !((aside > side && row < jaw) || (aside > nose && row < rim)))
                continue;
            const uint8_t *pixel = picture + 3 * ((y + top) * picture_w + x + left);
            const float r = (float)pixel[0] * (1.0f / 255.0f), g = (float)pixel[1] * (1.0f / 255.0f);
            const float b = (float)pixel[2] * (1.0f / 255.0f);
            const float there = r * r * luma[0] + g * g * luma[1] + b * b * luma[2];
            const float down = row * (float)(rows - 1), across = column * (float)(columns - 1);
            const int64_t i = least((int64_t)clip(down, 0.0f, (float)rows), rows - 2);
            const int64_t j = least((int64_t)clip(across, 0.0f, (float)columns), columns - 2);
            const float v = down - (float)i, u = across - (float)j;
            const float *cell = lights + i * columns + j;
            const float upper = cell[0] + (cell[1] - cell[0]) * u;
            const float lower = cell[columns] + (cell[columns + 1] - cell[columns]) * u;
            const float expected = clip(upper + (lower - upper) * v, 0.3f, 1.2f) * skin;
            const float by_u = (aside - side) * per_u, by_v = (jaw - row) * per_v, hair = by_u < by_v ? by_u : by_v;
            const float at_u = (aside - nose) * per_u, at_v = (rim - row) * per_rim, frame = at_u < at_v ? at_u : at_v;
            const float reach = clip(hair > frame ? hair : frame, 0.0f, 1.0f);
            hidden[at] = byte(clip((darkest - there / expected) * per_dark, 0.0f, 1.0f) * reach * 255.0f);
            found += hidden[at] > core;
        }
    return found;
}
