#include "kernel.h"

/* vectors of two pixels, and of one */
typedef uint8_t Bytes __attribute__((vector_size(8)));
typedef uint16_t Words __attribute__((vector_size(16)));
typedef uint8_t Pixel __attribute__((vector_size(4)));
typedef uint16_t PixelWords __attribute__((vector_size(8)));
typedef uint32_t PixelSums __attribute__((vector_size(16)));

/* rendering.layer._drape */
WIDE EXPORT int64_t drape(const uint8_t *cloth, const float *places, const uint8_t *hidden, uint8_t *layer, int64_t tall,
                       int64_t wide, int64_t h, int64_t w, int64_t hidden_h, int64_t hidden_w)
{
    const float down = (float)(tall * 256), across = (float)(wide * 256);
    const float bottom = (float)((tall - 1) * 256), right = (float)((wide - 1) * 256);
    if (tall < 2 || wide < 2 || (hidden_h && (hidden_h != h || hidden_w != w)))
        return DONE;
    for (int64_t at = 0; at < h * w; at++) {
        uint8_t *out = layer + 4 * at;
        if (!(places[2 * at] >= 0.0f)) {
            memset(out, 0, 4);
            continue;
        }
        const int y = (int)clip(places[2 * at] * down - 128.0f, 0.0f, bottom);
        const int x = (int)clip(places[2 * at + 1] * across - 128.0f, 0.0f, right);
        /* the last texel is reached as the one before it plus a whole step */
        const int row = (int)least(y >> 8, tall - 2), column = (int)least(x >> 8, wide - 2);
        const uint16_t v = (uint16_t)(y - (row << 8)), u = (uint16_t)(x - (column << 8));
        Bytes upper, lower;
        memcpy(&upper, cloth + 4 * (row * wide + column), 8);
        memcpy(&lower, cloth + 4 * ((row + 1) * wide + column), 8);
        const Words pair = __builtin_convertvector(upper, Words) * (uint16_t)(256 - v) +
                           __builtin_convertvector(lower, Words) * v;
        PixelWords two[2];
        memcpy(two, &pair, sizeof two);
        const PixelSums sum = __builtin_convertvector(two[0], PixelSums) * (256u - u) +
                              __builtin_convertvector(two[1], PixelSums) * (uint32_t)u;
        const Pixel seen = __builtin_convertvector((sum + 32768u) >> 16, Pixel);
        memcpy(out, &seen, 4);
        if (hidden_h && hidden[at])
            for (int k = 0; k < 4; k++)
                out[k] = (uint8_t)part((uint16_t)(out[k] * (255 - hidden[at])));
    }
    return DONE;
}
