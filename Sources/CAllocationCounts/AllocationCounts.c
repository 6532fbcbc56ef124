#define _GNU_SOURCE
#include "CAllocationCounts.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

static _Thread_local uint64_t thread_count;
static _Thread_local int is_tracing;
static _Atomic uint64_t process_count;
static _Atomic int counts_process;

uint64_t kelip_thread_allocations(void) { return thread_count; }
uint64_t kelip_process_allocations(void) { return atomic_load(&process_count); }
void kelip_count_process_allocations(int on) { atomic_store(&counts_process, on); }
void kelip_trace_allocations(int on) { is_tracing = on; }

#ifdef SANITIZED
int kelip_allocations_are_counted(void) { return 0; }
#else
int kelip_allocations_are_counted(void) { return 1; }

static void count_one(void) {
  thread_count++;
  if (atomic_load_explicit(&counts_process, memory_order_relaxed))
    atomic_fetch_add_explicit(&process_count, 1, memory_order_relaxed);
  if (!is_tracing) return;
  is_tracing = 0;
  void *frames[24];
  backtrace_symbols_fd(frames, backtrace(frames, 24), STDERR_FILENO);
  (void)!write(STDERR_FILENO, "\n", 1);
  is_tracing = 1;
}

// The next definition after the program's own: the C library's, or that of an allocator that was loaded before it, whose
// free() is then used as well.
typedef struct {
  void *(*malloc)(size_t);
  void *(*calloc)(size_t, size_t);
  void *(*realloc)(void *, size_t);
  void *(*memalign)(size_t, size_t);
  void *(*aligned_alloc)(size_t, size_t);
  int (*posix_memalign)(void **, size_t, size_t);
} Allocator;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static int libc_posix_memalign(void **result, size_t alignment, size_t bytes) {
  *result = __libc_memalign(alignment, bytes);
  return *result ? 0 : ENOMEM;
}

/// For the dynamic linker's own allocations while it looks the others up.
static Allocator libc_allocator = {__libc_malloc,   __libc_calloc,   __libc_realloc,
                                   __libc_memalign, __libc_memalign, libc_posix_memalign};
static Allocator next_allocator;
static _Atomic int is_resolved;
static _Thread_local int is_resolving;

static void *look_up(const char *name, void *otherwise) {
  void *found = dlsym(RTLD_NEXT, name);
  return found ? found : otherwise;
}

static Allocator *allocator(void) {
  if (atomic_load_explicit(&is_resolved, memory_order_acquire)) return &next_allocator;
  if (is_resolving) return &libc_allocator;
  is_resolving = 1;
  // Threads that come here at once write the same values.
  next_allocator.malloc = look_up("malloc", __libc_malloc);
  next_allocator.calloc = look_up("calloc", __libc_calloc);
  next_allocator.realloc = look_up("realloc", __libc_realloc);
  next_allocator.memalign = look_up("memalign", __libc_memalign);
  next_allocator.aligned_alloc = look_up("aligned_alloc", __libc_memalign);
  next_allocator.posix_memalign = look_up("posix_memalign", libc_posix_memalign);
  atomic_store_explicit(&is_resolved, 1, memory_order_release);
  is_resolving = 0;
  return &next_allocator;
}

void *malloc(size_t bytes) {
  count_one();
  return allocator()->malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
  count_one();
  return allocator()->calloc(count, bytes);
}

void *realloc(void *old, size_t bytes) {
  count_one();
  return allocator()->realloc(old, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
  count_one();
  return allocator()->memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
  count_one();
  return allocator()->aligned_alloc(alignment, bytes);
}

int posix_memalign(void **result, size_t alignment, size_t bytes) {
  count_one();
  return allocator()->posix_memalign(result, alignment, bytes);
}
#endif
