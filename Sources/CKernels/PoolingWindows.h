// Which places a window has, and which windows a place is in.
#pragma once
#include "Pooling.h"
#include "Vector.h"

// Channels whose sums or maxima stay in registers.
#define CHANNELS_AT_ONCE 64

/// Numbers `first` ..< `end`.
typedef struct {
  int64_t first, end;
} Span;

/// The places of window `number` inside a side.
INLINE Span window_places(int64_t number, int64_t kernel, int64_t stride, int64_t padding, int64_t side) {
  int64_t start = number * stride - padding, end = start + kernel;
  return (Span){start < 0 ? 0 : start, end > side ? side : end};
}

/// The windows, of `count`, that have `place`.
INLINE Span windows_with(int64_t place, int64_t kernel, int64_t stride, int64_t padding, int64_t count) {
  int64_t last = (place + padding) / stride, before = place + padding - kernel;
  int64_t first = before < 0 ? 0 : before / stride + 1;
  return (Span){first, last + 1 > count ? count : last + 1};
}
