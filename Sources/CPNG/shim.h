#pragma once
// libpng reports faults by longjmp, which Swift cannot catch: these few functions keep every jump inside C.
// libpng's own "simplified API" is not used because it applies gAMA, which other image loaders ignore.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <png.h>

enum { KELIP_PNG_MESSAGE = 128 };

/// A PNG in memory, being read or written. Zero it before use; `kelip_png_close` frees what it holds.
typedef struct {
  png_structp png;
  png_infop info;
  const unsigned char *input;   // reading: the file
  size_t input_length, position;
  int is_truncated;             // reading: libpng asked for bytes past the end
  unsigned char *output;        // writing: the file so far (malloc)
  size_t output_length, output_capacity;
  unsigned width, height;
  char message[KELIP_PNG_MESSAGE];
} kelip_png;

static inline void kelip_png_on_error(png_structp png, png_const_charp text) {
  kelip_png *self = (kelip_png *)png_get_error_ptr(png);
  snprintf(self->message, KELIP_PNG_MESSAGE, "%s", text);
  png_longjmp(png, 1);
}

static inline void kelip_png_on_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

static inline void kelip_png_on_read(png_structp png, png_bytep destination, size_t count) {
  kelip_png *self = (kelip_png *)png_get_io_ptr(png);
  if (count > self->input_length - self->position) {
    self->is_truncated = 1;
    png_error(png, "truncated");
  }
  memcpy(destination, self->input + self->position, count);
  self->position += count;
}

static inline void kelip_png_on_write(png_structp png, png_bytep source, size_t count) {
  kelip_png *self = (kelip_png *)png_get_io_ptr(png);
  if (count > self->output_capacity - self->output_length) {
    size_t capacity = 2 * self->output_capacity + count + 4096;
    unsigned char *grown = (unsigned char *)realloc(self->output, capacity);
    if (!grown) png_error(png, "out of memory");
    self->output = grown;
    self->output_capacity = capacity;
  }
  memcpy(self->output + self->output_length, source, count);
  self->output_length += count;
}

static inline void kelip_png_on_flush(png_structp png) { (void)png; }

/// Reads the header: sets width and height. Returns 0, or -1 with a message.
static inline int kelip_png_open(kelip_png *self, const unsigned char *input, size_t length) {
  self->input = input;
  self->input_length = length;
  self->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, self, kelip_png_on_error, kelip_png_on_warning);
  if (!self->png) return -1;
  if (setjmp(png_jmpbuf(self->png))) return -1;
  self->info = png_create_info_struct(self->png);
  if (!self->info) png_error(self->png, "out of memory");
  png_set_read_fn(self->png, self, kelip_png_on_read);
  png_set_benign_errors(self->png, 1);
  // Profiles and texts change no pixel here and may inflate to gigabytes: skipped unread. tRNS is kept.
  png_set_keep_unknown_chunks(self->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_chunk_malloc_max(self->png, 1 << 20);
  png_set_chunk_cache_max(self->png, 8);
  png_set_user_limits(self->png, 0x7fffffff, 0x7fffffff);  // the caller has looked at the header
  png_read_info(self->png, self->info);
  self->width = png_get_image_width(self->png, self->info);
  self->height = png_get_image_height(self->png, self->info);
  return 0;
}

/// After `kelip_png_open`: every colour type and depth as RGB (3 channels, alpha dropped) or RGBA (4), 8 bits each,
/// into `pixels` (height x width x channels), through `rows`, `height` pointers of scratch. 16-bit samples keep their
/// high byte. Returns 0 or -1.
static inline int kelip_png_read(kelip_png *self, unsigned channels, unsigned char *pixels, unsigned char **rows) {
  size_t row_length = (size_t)self->width * channels;
  for (unsigned y = 0; y < self->height; y++) rows[y] = pixels + y * row_length;
  if (setjmp(png_jmpbuf(self->png))) return -1;
  png_set_strip_16(self->png);
  png_set_expand(self->png);
  png_set_gray_to_rgb(self->png);
  if (channels == 4) png_set_add_alpha(self->png, 255, PNG_FILLER_AFTER);
  else png_set_strip_alpha(self->png);
  png_set_interlace_handling(self->png);
  png_read_update_info(self->png, self->info);
  if (png_get_rowbytes(self->png, self->info) != row_length) png_error(self->png, "row length");
  png_read_image(self->png, rows);
  return 0;
}

/// Encodes 8-bit RGB (height x width x 3) into `output`. Returns 0 or -1.
static inline int kelip_png_write_rgb(kelip_png *self, const unsigned char *pixels, unsigned width,
                                      unsigned height) {
  self->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, self, kelip_png_on_error, kelip_png_on_warning);
  if (!self->png) return -1;
  if (setjmp(png_jmpbuf(self->png))) return -1;
  self->info = png_create_info_struct(self->png);
  if (!self->info) png_error(self->png, "out of memory");
  png_set_write_fn(self->png, self, kelip_png_on_write, kelip_png_on_flush);
  png_set_IHDR(self->png, self->info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(self->png, self->info);
  for (unsigned y = 0; y < height; y++) png_write_row(self->png, pixels + (size_t)y * width * 3);
  png_write_end(self->png, self->info);
  return 0;
}

static inline void kelip_png_close(kelip_png *self) {
  if (self->png && self->input) png_destroy_read_struct(&self->png, &self->info, NULL);
  else if (self->png) png_destroy_write_struct(&self->png, &self->info);
  free(self->output);
  self->output = NULL;
}
