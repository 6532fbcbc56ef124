#include "MatrixUnit.h"

#include "AskOnce.h"
#include "MatrixScratch.h"
#include "Tiles.h"

#if KELIP_HAS_TILES
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>


typedef struct {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} TileConfiguration;

static int detect(void) {
  const char *choice = getenv("KELIP_MATRIX_UNIT");
  if (choice && !strcmp(choice, "off")) return 0;
  if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512vbmi")) return 0;
  unsigned a, b, c, d;
  __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
  if (!(d >> 22 & 1) || !(d >> 24 & 1)) return 0;
  const long requestPermission = 0x1023, tileData = 18;
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}

int kelip_matrix_unit(void) {
  static int state = -1;
  return ask_once(&state, detect);
}

TILES void kelip_matrix_unit_begin(void) {
  TileConfiguration configuration;
  memset(&configuration, 0, sizeof configuration);
  configuration.palette = 1;
  for (int i = 0; i < 8; i++) {
    configuration.row_bytes[i] = 64;
    configuration.rows[i] = 16;
  }
  _tile_loadconfig(&configuration);
}

void *kelip_own_scratch(enum KelipScratch use, int64_t bytes) {
  static _Thread_local struct { void *memory; size_t size; } all[KELIP_SCRATCHES];
  const size_t hugePage = 2 << 20;
  void **memory = &all[use].memory;
  size_t *size = &all[use].size;
  if ((size_t)bytes <= *size) return *memory;
  if (*memory) munmap(*memory, *size);
  *size = ((size_t)bytes + hugePage - 1) / hugePage * hugePage;
  *memory = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (*memory == MAP_FAILED) abort();
  madvise(*memory, *size, MADV_HUGEPAGE);
  return *memory;
}

void *kelip_thread_scratch(int64_t bytes) { return kelip_own_scratch(KELIP_CALLER, bytes); }

int64_t kelip_packed_count(int64_t k, int64_t n) { return padded(k) * padded(n); }

// One tile from [K, N]: 32 values of k, 16 columns.
TILES INLINE void pack_pairs_f32(const float *b, int64_t stride, int64_t k, int64_t n, uint16_t *tile) {
  __mmask16 columns = mask16(n);
  for (int64_t pair = 0; pair < 16; pair++) {
    __m512 even = 2 * pair < k ? _mm512_maskz_loadu_ps(columns, b + 2 * pair * stride) : _mm512_setzero_ps();
    __m512 odd = 2 * pair + 1 < k ? _mm512_maskz_loadu_ps(columns, b + (2 * pair + 1) * stride) : _mm512_setzero_ps();
    _mm512_store_si512(tile + 32 * pair, interleave((__m512i)_mm512_cvtne2ps_pbh(odd, even)));
  }
}

TILES INLINE void pack_pairs_bf16(const uint16_t *b, int64_t stride, int64_t k, int64_t n, uint16_t *tile) {
  for (int64_t pair = 0; pair < 16; pair++)
    _mm512_store_si512(tile + 32 * pair, row_pair(b + 2 * pair * stride, stride, k - 2 * pair, n));
}

// One tile from [N, K]: 16 rows, 32 values of k.
TILES INLINE void pack_rows_f32(const float *b, int64_t stride, int64_t k, int64_t n, uint16_t *tile) {
  __m512i rows[16];
  __mmask16 low = mask16(k), high = mask16(k - 16);
  for (int64_t i = 0; i < 16; i++) {
    if (i >= n) {
      rows[i] = _mm512_setzero_si512();
      continue;
    }
    __m512 first = _mm512_maskz_loadu_ps(low, b + i * stride);
    __m512 second = _mm512_maskz_loadu_ps(high, b + i * stride + 16);
    rows[i] = (__m512i)_mm512_cvtne2ps_pbh(second, first);
  }
  transpose16(rows);
  for (int64_t i = 0; i < 16; i++) _mm512_store_si512(tile + 32 * i, rows[i]);
}

TILES INLINE void pack_rows_bf16(const uint16_t *b, int64_t stride, int64_t k, int64_t n, uint16_t *tile) {
  __m512i rows[16];
  __mmask32 some = mask32(k);
  for (int64_t i = 0; i < 16; i++)
    rows[i] = i < n ? _mm512_maskz_loadu_epi16(some, b + i * stride) : _mm512_setzero_si512();
  transpose16(rows);
  for (int64_t i = 0; i < 16; i++) _mm512_store_si512(tile + 32 * i, rows[i]);
}

// Tile after tile, as `kelip_packed_count` says.
#define PACK_TILES(from_rows, from_pairs)                                                                            \
  uint16_t *tile = packed;                                                                                            \
  for (int64_t panel = 0; panel < n; panel += 32)                                                                     \
    for (int64_t step = 0; step < k; step += 32)                                                                      \
      for (int64_t half = 0; half < 32; half += 16, tile += 512)                                                      \
        if (transposed)                                                                                               \
          from_rows(b + (panel + half) * stride + step, stride, k - step, n - panel - half, tile);                    \
        else                                                                                                          \
          from_pairs(b + step * stride + panel + half, stride, k - step, n - panel - half, tile);

TILES void kelip_pack_f32(const float *b, int64_t stride, int transposed, int64_t k, int64_t n, void *packed) {
  PACK_TILES(pack_rows_f32, pack_pairs_f32)
}

TILES void kelip_pack_bf16(const void *b_, int64_t stride, int transposed, int64_t k, int64_t n, void *packed) {
  const uint16_t *b = b_;
  PACK_TILES(pack_rows_bf16, pack_pairs_bf16)
}
#else
// Nothing but the question is ever called here.
int kelip_matrix_unit(void) { return 0; }
void kelip_matrix_unit_begin(void) { __builtin_trap(); }
int64_t kelip_packed_count(int64_t k, int64_t n) { return (void)k, (void)n, 0; }
void kelip_pack_bf16(const void *b, int64_t stride, int transposed, int64_t k, int64_t n, void *packed) {
  (void)b, (void)stride, (void)transposed, (void)k, (void)n, (void)packed;
  __builtin_trap();
}
void kelip_pack_f32(const float *b, int64_t stride, int transposed, int64_t k, int64_t n, void *packed) {
  kelip_pack_bf16(b, stride, transposed, k, n, packed);
}
void *kelip_thread_scratch(int64_t bytes) { return (void)bytes, (void *)0; }
#endif
