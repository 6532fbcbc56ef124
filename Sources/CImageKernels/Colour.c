#include "CImageKernels.h"
#include "Clones.h"

// Pillow's arithmetic, operation for operation. No fused multiplications: they would round otherwise, and each
// instruction set would give other pixels.
#pragma STDC FP_CONTRACT OFF

CLONES void kelip_map_values(uint8_t *values, int64_t count, const uint8_t *table) {
  for (int64_t i = 0; i < count; i++) values[i] = table[values[i]];
}

/// ITU-R 601-2 luma in 16-bit fixed point (libImaging/Convert.c, L24).
INLINE uint32_t luma(uint32_t red, uint32_t green, uint32_t blue) {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

CLONES int64_t kelip_luma_sum(const uint8_t *pixels, int64_t count) {
  int64_t sum = 0;
  for (int64_t i = 0; i < count; i++) sum += luma(pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]);
  return sum;
}

CLONES void kelip_grey(uint8_t *pixels, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    uint8_t *pixel = pixels + 3 * i;
    pixel[0] = pixel[1] = pixel[2] = luma(pixel[0], pixel[1], pixel[2]);
  }
}

/// libImaging/Blend.c: from `grey` (factor 0) to `value` (factor 1) and on, cut to 8 bits.
INLINE uint8_t blend(int32_t grey, int32_t value, float factor) {
  float sum = (float)grey + factor * (float)(value - grey);
  sum = sum < 0 ? 0 : sum;
  return (uint8_t)(int32_t)(sum > 255 ? 255 : sum);
}

CLONES void kelip_saturate(uint8_t *pixels, int64_t count, float factor) {
  for (int64_t i = 0; i < count; i++) {
    uint8_t *pixel = pixels + 3 * i;
    int32_t grey = luma(pixel[0], pixel[1], pixel[2]);
    for (int channel = 0; channel < 3; channel++) pixel[channel] = blend(grey, pixel[channel], factor);
  }
}

INLINE float smaller(float a, float b) { return a < b ? a : b; }
INLINE float larger(float a, float b) { return a > b ? a : b; }
INLINE float half_up(double value) { return (float)__builtin_floor(value + 0.5); }

/// libImaging/Convert.c, rgb2hsv_row and hsv2rgb, without their branches so that it becomes a vector loop: a grey pixel
/// gets hue and saturation 0 by itself, since its differences are 0.
CLONES void kelip_shift_hue(uint8_t *pixels, int64_t count, uint8_t shift) {
  for (int64_t i = 0; i < count; i++) {
    uint8_t *pixel = pixels + 3 * i;
    float red = pixel[0], green = pixel[1], blue = pixel[2];
    float value = larger(red, larger(green, blue));
    float range = value - smaller(red, smaller(green, blue));
    float divisor = larger(range, 1);
    float red_part = (value - red) / divisor, green_part = (value - green) / divisor;
    float blue_part = (value - blue) / divisor;
    float from_red = blue_part - green_part;
    float from_green = (float)(2.0 + red_part - blue_part);
    float from_blue = (float)(4.0 + green_part - red_part);
    float sixths = red == value ? from_red : green == value ? from_green : from_blue;
    double turns = sixths / 6.0 + 1.0;
    float turn = (float)(turns >= 1 ? turns - 1 : turns);
    int32_t hue = ((int32_t)(turn * 255.0) + shift) & 255;
    int32_t saturation = (int32_t)(range / larger(value, 1) * 255.0);

    double place = (float)hue * 6.0 / 255.0;
    int32_t sector = (int32_t)place;
    float fraction = (float)(place - (float)sector);
    float share = (float)((float)saturation / 255.0);
    float low = half_up(value * (1.0 - share));
    float falling = half_up(value * (1.0 - share * fraction));
    float rising = half_up(value * (1.0 - share * (1.0 - fraction)));
    sector = sector == 6 ? 0 : sector;
    red = sector == 0 || sector == 5 ? value : sector == 1 ? falling : sector == 4 ? rising : low;
    green = sector == 1 || sector == 2 ? value : sector == 0 ? rising : sector == 3 ? falling : low;
    blue = sector == 3 || sector == 4 ? value : sector == 2 ? rising : sector == 5 ? falling : low;
    pixel[0] = (uint8_t)(int32_t)red;
    pixel[1] = (uint8_t)(int32_t)green;
    pixel[2] = (uint8_t)(int32_t)blue;
  }
}
