#include "kernel.h"

/* rendering.layer._finish */
WIDE EXPORT int64_t finish(const uint8_t *colour, const uint8_t *straps, const float *tile, const int32_t *strap,
                        float grain, int64_t left, int64_t top, int64_t tile_left, int64_t tile_top, uint8_t *layer,
                        uint8_t *seen, int64_t inner_h, int64_t inner_w, int64_t h, int64_t w, int64_t side)
{
    if (left < 0 || top < 0 || left + inner_w > w || top + inner_h > h || side < 1 || tile_left < 0 || tile_top < 0)
        return DONE;
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x += BLOCK) {
            const int64_t count = least(BLOCK, w - x), at = y * w + x;
            /* pixels of the block inside the mask's box: from..end */
            const int64_t from = most(left - x, 0), end = y < top || y >= top + inner_h ? 0 : least(left + inner_w - x, count);
            uint16_t planes[4][BLOCK] = {{0}}, there[4][BLOCK];
            float noise[BLOCK];
            uint8_t out[4][BLOCK];
            if (from < end) {
                const float *row = tile + (y - top + tile_top) % side * side;
                split(colour + 4 * ((y - top) * inner_w + x + from - left), 4, end - from, there);
                for (int64_t i = from, nth = (x + from - left + tile_left) % side; i < end;) {
                    const int64_t stop = least(i + side - nth, end);
                    memcpy(noise + i - from, row + nth, (size_t)(stop - i) * sizeof(float));
                    i = stop;
                    nth = 0;
                }
                for (int k = 0; k < 3; k++)
                    for (int64_t i = 0; i < end - from; i++) {
                        const float opacity = (float)there[3][i];
                        const float more = noise[i] * grain * (opacity * (1.0f / 255.0f));
                        planes[k][from + i] = (uint16_t)(int)(clip((float)there[k][i] + more, 0.0f, opacity) + 0.5f);
                    }
                memcpy(planes[3] + from, there[3], (size_t)(end - from) * sizeof(uint16_t));
            }
            for (int64_t i = 0; i < count; i++)
                seen[at + i] = (uint8_t)part(straps[at + i] * (255 - planes[3][i]));
            for (int k = 0; k < 3; k++)
                for (int64_t i = 0; i < count; i++) {
                    const uint16_t sum = planes[k][i] + part((uint16_t)(seen[at + i] * strap[k]));
                    out[k][i] = (uint8_t)(sum < 255 ? sum : 255);
                }
            for (int64_t i = 0; i < count; i++)
                out[3][i] = (uint8_t)(planes[3][i] + seen[at + i]);
            join(out, 4, count, layer + 4 * at);
        }
    return DONE;
}

typedef struct {
    const uint8_t *layer, *strap, *shade;
} Over;

/* Composites a layer over pixels, from `at` on: colours, and kinds: 0 untouched, 1 shadow only, 2 strap, 3 mask. */
ALWAYS void lay_over(
    const uint8_t *photo, const uint8_t *inside, Over over, int64_t at, int64_t count, uint8_t (*out)[BLOCK], uint8_t *kinds)
{
    uint16_t below[3][BLOCK], above[4][BLOCK], laid[3][BLOCK], far[BLOCK] = {0};
    const uint8_t *strap = over.strap + at, *shade = over.shade + at;
    split(photo, 3, count, below);
    split(over.layer + 4 * at, 4, count, above);
    for (int k = 0; k < 3; k++)
        for (int64_t i = 0; i < count; i++) {
            const uint16_t left = part((uint16_t)((255 - above[3][i]) * shade[i]));
            const uint16_t was = below[k][i], sum = part((uint16_t)(was * left)) + above[k][i];
            const uint16_t now = sum < 255 ? sum : 255, change = now > was ? now - was : was - now;
            laid[k][i] = now;
            far[i] = change > far[i] ? change : far[i];
        }
    for (int64_t i = 0; i < count; i++) {
        const uint16_t opacity = above[3][i], band = strap[i];
        const uint16_t mask = opacity > band ? opacity - band : 0, cover = mask > band ? mask : band;
        const uint8_t covers = 2 * cover + shade[i] >= 281, first = mask >= band;
        const uint8_t touched = ((far[i] >= 4) | (opacity >= 128)) & (inside[i] > 0);
        kinds[i] = touched * (1 + covers * (1 + first));
    }
    for (int k = 0; k < 3; k++)
        for (int64_t i = 0; i < count; i++) {
            const uint16_t was = below[k][i], now = laid[k][i];
            out[k][i] = (uint8_t)(kinds[i] ? now : was);
        }
}

/* rendering.blend._blend */
WIDE EXPORT int64_t blend(const uint8_t *layer, const uint8_t *strap, const uint8_t *shade, const uint8_t *inside,
                          int64_t left, int64_t top, uint8_t *masked, uint8_t *hole, uint8_t *parts, int64_t h,
                          int64_t w, int64_t tall, int64_t wide)
{
    const Over over = {layer, strap, shade};
    int seen = 0;
    if (left < 0 || top < 0 || left + w > wide || top + h > tall)
        return 0;
    for (int pass = 0; pass < 1 + seen; pass++) /* pass 0 only checks that some of the mask is visible */
        for (int64_t nth = 0; nth < h && (pass || !seen); nth++)
            for (int64_t x = 0, y = (nth + h / 2) % h; x < w; x += BLOCK) { /* from the middle, where the mask is */
                const int64_t count = least(BLOCK, w - x), to = (y + top) * wide + x + left;
                uint8_t out[3][BLOCK], kinds[BLOCK];
                lay_over(masked + 3 * to, inside + to, over, y * w + x, count, out, kinds);
                if (!pass) {
                    seen |= memchr(kinds, 3, (size_t)count) != NULL;
                    continue;
                }
                join(out, 3, count, masked + 3 * to);
                for (int64_t i = 0; i < count; i++) {
                    const uint8_t was = parts[to + i], kind = kinds[i];
                    hole[to + i] |= kind > 0;
                    parts[to + i] = kind > 1 || kind > was ? kind : was;
                }
            }
    return seen;
}
