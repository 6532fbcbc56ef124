// The header uses FILE without including it.
#include <cstdio>

#include <cld2/public/compact_lang_det.h>

#include "CLD2Shims.h"

kelip_language kelip_detect_language(const char* text, int32_t length) {
  CLD2::Language languages[3];
  int percents[3];
  int text_bytes;
  bool is_reliable;
  CLD2::DetectLanguageSummary(text, length, /*is_plain_text=*/true, languages, percents, &text_bytes, &is_reliable);
  return {CLD2::LanguageCode(languages[0]), percents[0], is_reliable ? 1 : 0};
}
