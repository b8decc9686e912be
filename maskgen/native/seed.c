#include "kernel.h"

/* Mixes a word with a constant that changes from call to call. */
static uint32_t stir(uint32_t word, uint32_t *constant, uint32_t factor)
{
    word ^= *constant;
    *constant *= factor;
    word *= *constant;
    return word ^ word >> 16;
}

/* rendering.seeding._words: M. O'Neill's seed_seq_fe with a pool of four words, as NumPy's SeedSequence defines it */
EXPORT int64_t words(int64_t seed, uint64_t *state)
{
    const uint32_t entropy[4] = {(uint32_t)seed, (uint32_t)((uint64_t)seed >> 32), 0, 0};
    uint32_t pool[4], constant = 0x43b0d7e5u;
    for (int i = 0; i < 4; i++)
        pool[i] = stir(entropy[i], &constant, 0x931e8875u);
    for (int from = 0; from < 4; from++)
        for (int to = 0; to < 4; to++)
            if (from != to) {
                const uint32_t mixed = 0xca01f9ddu * pool[to] - 0x4973f715u * stir(pool[from], &constant, 0x931e8875u);
                pool[to] = mixed ^ mixed >> 16;
            }
    constant = 0x8b51f9ddu;
    for (int i = 0; i < 4; i++) {
        const uint64_t low = stir(pool[2 * i % 4], &constant, 0x58f38dedu);
        state[i] = low | (uint64_t)stir(pool[(2 * i + 1) % 4], &constant, 0x58f38dedu) << 32;
    }
    return DONE;
}
