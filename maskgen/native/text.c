#include "kernel.h"

/* Writes a number with two decimals, right-aligned in `wide` characters, padded with blanks. */
static void write(uint8_t *text, int64_t wide, int64_t hundredths)
{
    int64_t left = hundredths < 0 ? -hundredths : hundredths, at = wide - 1;
    for (int64_t place = 0; at >= 0 && (place < 3 || left > 0); place++, left /= 10) {
        if (place == 2 && at > 0)
            text[at--] = '.';
        text[at--] = (uint8_t)('0' + left % 10);
    }
    if (hundredths < 0 && at >= 0)
        text[at--] = '-';
    while (at >= 0)
        text[at--] = ' ';
}

/* dataset.labels._write_points */
EXPORT int64_t write_points(const int64_t *hundredths, uint8_t *text, int64_t n, int64_t wide)
{
    const int64_t each = (wide - 4) / 2;
    for (int64_t i = 0; i < n; i++) {
        uint8_t *line = text + i * wide;
        line[0] = '[';
        write(line + 1, each, hundredths[2 * i]);
        line[1 + each] = ',';
        write(line + 2 + each, each, hundredths[2 * i + 1]);
        line[wide - 2] = ']';
        line[wide - 1] = ',';
    }
    return DONE;
}
