#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What Compact Language Detector 2 makes of UTF-8 plain text.
typedef struct {
  /// ISO 639-1, "un" where it cannot tell; static memory.
  const char* _Nonnull code;
  /// Percent of the text's letters in that language, 0 to 100.
  int32_t percent;
  int32_t is_reliable;
} kelip_language;

/// `text` must be valid UTF-8. Safe from any number of threads.
kelip_language kelip_detect_language(const char* _Nonnull text, int32_t length);

#ifdef __cplusplus
}
#endif
