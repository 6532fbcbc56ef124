// Memory that each thread keeps from call to call.
#pragma once
#include <stdint.h>

/// Who uses it: callers of these kernels, a shared operand, and the items of a shared loop may be under way at once.
enum KelipScratch { KELIP_CALLER, KELIP_OPERAND, KELIP_ITEM, KELIP_SCRATCHES };

/// At least `bytes`, aligned to 64; good until the next call for the same use in this thread.
void *kelip_own_scratch(enum KelipScratch use, int64_t bytes);
