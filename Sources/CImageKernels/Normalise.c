#include "CImageKernels.h"
#include "Clones.h"

CLONES void kelip_normalise(const uint8_t *pixels, int64_t width, int64_t height, const float *tables, int flipped,
                            float *planes) {
  for (int64_t y = 0; y < height; y++) {
    const uint8_t *row = pixels + y * width * 3;
    for (int channel = 0; channel < 3; channel++) {
      const float *table = tables + 256 * channel;
      float *plane = planes + (channel * height + y) * width;
      if (flipped) {
        for (int64_t x = 0; x < width; x++) plane[width - 1 - x] = table[row[3 * x + channel]];
      } else {
        for (int64_t x = 0; x < width; x++) plane[x] = table[row[3 * x + channel]];
      }
    }
  }
}
