#include "CKernels.h"
#include "AttentionTiles.h"

// Attention of bfloat16 rows on the matrix unit. Work goes by blocks of 32 queries, as in Attention.inc, and all
// products by 32 × 32 results: lengths and sizes are rounded up to 32, with zeros.
#if KELIP_HAS_TILES
// strip[keys, 32] = left · right's 32 columns from `first` on.
TILES INLINE void strip_product(const Head *h, const uint16_t *left, const uint16_t *right, int64_t first, int64_t keys,
                                float *strip) {
  for (int64_t key = 0; key < keys; key += 32)
    multiply_block(left + key * h->columns, h->columns, right + first * h->columns, h->columns / 32,
                   strip + key * STRIP, STRIP, 0);
}

// product[32, columns] = block[32, keys] · right[keys, columns].
TILES INLINE void block_product(const Head *h, const uint16_t *right, int64_t keys) {
  for (int64_t c = 0; c < h->columns; c += 32)
    multiply_block(h->block, h->rows, right + c * h->rows, padded(keys) / 32, h->product + c, h->columns, 0);
}

// Exponentials of queries first … first + 31 in h->scores; returns the number of keys that they see.
TILES INLINE int64_t exponentials(const Head *h, int64_t first) {
  int64_t keys = h->causal && first + STRIP < h->length ? first + STRIP : h->length;
  strip_product(h, h->k, h->q_turned, first, keys, h->scores);
  if (h->causal) strip_hide_later(h->scores, keys, first);
  coarse_softmax(h->scores, keys, h->scale, h->inverse);
  return keys;
}

TILES static void head_forward(Head *h, const uint16_t *q, int64_t width, uint16_t *out) {
  const int64_t stride = 3 * width;
  copy_rows(h, q + width, stride, h->k);
  kelip_pack_bf16(q, stride, 1, h->size, h->length, h->q_turned);
  pack_pairs(h, q + 2 * width, stride, h->v_pairs);
  for (int64_t first = 0; first < h->length; first += STRIP) {
    int64_t keys = exponentials(h, first), count = h->length - first < STRIP ? h->length - first : STRIP;
    narrow_strip(h->scores, keys, h->p, STRIP);
    turn_strip(h, h->p, STRIP, keys);
    block_product(h, h->v_pairs, keys);
    store_rows(h, h->product, h->inverse, count, out + first * width, width);
  }
}

// sums[rows, columns] (+)= turned[rows, GROUP] · right's rows of the group of queries [start, end).
TILES INLINE void group_product(const Head *h, const uint16_t *turned, const uint16_t *right, int64_t start,
                                int64_t end, float *sums) {
  int64_t keys = h->causal && end < h->rows ? end : h->rows;
  for (int64_t key = 0; key < keys; key += 32) {
    // Queries before `from` do not see these keys.
    int64_t from = h->causal && key > start ? key : start;
    int accumulate = start > (h->causal ? key / GROUP * GROUP : 0);
    for (int64_t c = 0; c < h->columns; c += 32)
      multiply_block(turned + key * GROUP + from - start, GROUP, right + c * h->rows + from * 32, (end - from) / 32,
                     sums + key * h->columns + c, h->columns, accumulate);
  }
}

// dQ of queries first … first + 31; their probabilities and score gradients go to column `slot` of the group's.
TILES INLINE void block_backward(Head *h, int64_t first, int64_t slot, int64_t width, uint16_t *dq) {
  int64_t keys = exponentials(h, first), count = h->length - first < STRIP ? h->length - first : STRIP;
  strip_product(h, h->v, h->dout_turned, first, keys, h->dscores);
  strip_gradient(h->scores, h->dscores, keys, STRIP, h->scale, h->inverse);
  narrow_strip(h->scores, keys, h->p + slot, GROUP);
  narrow_strip(h->dscores, keys, h->ds + slot, GROUP);
  turn_strip(h, h->ds + slot, GROUP, keys);
  block_product(h, h->k_pairs, keys);
  store_rows(h, h->product, 0, count, dq + first * 3 * width, 3 * width);
}

TILES static void head_backward(Head *h, const uint16_t *dout, const uint16_t *q, int64_t width, uint16_t *dq) {
  const int64_t stride = 3 * width;
  copy_rows(h, q + width, stride, h->k);
  copy_rows(h, q + 2 * width, stride, h->v);
  kelip_pack_bf16(q, stride, 1, h->size, h->length, h->q_turned);
  kelip_pack_bf16(dout, width, 1, h->size, h->length, h->dout_turned);
  pack_pairs(h, q, stride, h->q_pairs);
  pack_pairs(h, q + width, stride, h->k_pairs);
  pack_pairs(h, dout, width, h->dout_pairs);
  for (int64_t start = 0; start < h->rows; start += GROUP) {
    int64_t end = start + GROUP < h->rows ? start + GROUP : h->rows;
    for (int64_t first = start; first < end; first += STRIP) block_backward(h, first, first - start, width, dq);
    group_product(h, h->p, h->dout_pairs, start, end, h->dv);
    group_product(h, h->ds, h->q_pairs, start, end, h->dk);
  }
  store_rows(h, h->dk, 0, h->length, dq + width, stride);
  store_rows(h, h->dv, 0, h->length, dq + 2 * width, stride);
}

static int64_t tiles_scratch(int64_t longest, int64_t size) {
  Head head;
  return (int64_t)lay_out(&head, 0, longest, size);
}

TILES static void tiles_forward(const KelipAttention *shape, const void *qkv, void *out, void *scratch) {
  const int64_t width = shape->heads * shape->size;
  kelip_matrix_unit_begin();
  for (int64_t s = 0; s < shape->sequences; s++) {
    int64_t start = shape->offsets[s];
    Head head = {.causal = shape->causal};
    lay_out(&head, (uintptr_t)scratch, shape->offsets[s + 1] - start, shape->size);
    fetch((const uint16_t *)qkv + start * 3 * width, head.length * 6 * width, 0);
    fetch((const uint16_t *)out + start * width, head.length * 2 * width, 1);
    for (int64_t column = 0; column < width; column += shape->size)
      head_forward(&head, (const uint16_t *)qkv + start * 3 * width + column, width,
                   (uint16_t *)out + start * width + column);
  }
}

TILES static void tiles_backward(const KelipAttention *shape, const void *dout, const void *qkv, void *dqkv,
                                 void *scratch) {
  const int64_t width = shape->heads * shape->size;
  kelip_matrix_unit_begin();
  for (int64_t s = 0; s < shape->sequences; s++) {
    int64_t start = shape->offsets[s];
    Head head = {.causal = shape->causal};
    lay_out(&head, (uintptr_t)scratch, shape->offsets[s + 1] - start, shape->size);
    fetch((const uint16_t *)qkv + start * 3 * width, head.length * 6 * width, 0);
    fetch((const uint16_t *)dout + start * width, head.length * 2 * width, 0);
    fetch((const uint16_t *)dqkv + start * 3 * width, head.length * 6 * width, 1);
    for (int64_t column = 0; column < width; column += shape->size) {
      int64_t row = start * 3 * width + column;
      head_backward(&head, (const uint16_t *)dout + start * width + column, (const uint16_t *)qkv + row, width,
                    (uint16_t *)dqkv + row);
    }
  }
}

const KelipAttentionTable kelip_attention_bf16_tiles = {
    .scratch = tiles_scratch, .forward = tiles_forward, .backward = tiles_backward};
#else
// Never used: kelip_matrix_unit() says no.
const KelipAttentionTable kelip_attention_bf16_tiles = {0};
#endif
