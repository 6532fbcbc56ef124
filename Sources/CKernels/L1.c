#include "CKernels.h"
#include "Vector.h"

CLONES double kelip_l1(const float *x, const float *target, float *dx, int64_t count, float factor) {
  SUMS
  float total = 0;
  VECTOR for (int64_t i = 0; i < count; i++) {
    float difference = x[i] - target[i];
    total += fabsf(difference);
    // The slope at 0 is 0, as torch takes it; a NaN passes through both.
    float sign = difference > 0.0f ? factor : difference < 0.0f ? -factor : difference;
    dx[i] = sign;
  }
  return (double)total;
}
