// Counts heap allocations by standing before the C library's allocator in the program that links this.
#pragma once
#include <stdint.h>

/// 1 where allocations are counted; 0 where a sanitizer owns the allocator.
int kelip_allocations_are_counted(void);
/// Calls of malloc, calloc, realloc, aligned_alloc, posix_memalign and memalign that this thread has made so far, those
/// of Swift and of every library included.
uint64_t kelip_thread_allocations(void);
/// The same of all threads, since counting all of them began.
uint64_t kelip_process_allocations(void);
/// Counting all threads costs an atomic addition an allocation, so it is off until asked for.
void kelip_count_process_allocations(int on);
/// While on, each allocation of this thread writes its call stack to standard error: to find what allocates.
void kelip_trace_allocations(int on);
