#define _GNU_SOURCE
#include "WorkerPool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__x86_64__)
#define BREATHE() __builtin_ia32_pause()
#else
#define BREATHE() ((void)0)
#endif
// Looks at the pool before a thread goes to sleep: tens of microseconds, the time between two loops of a step. Waking a
// sleeper takes longer than many of these loops.
#define LOOKS 1000

static struct {
  pthread_mutex_t owner;  // held by the caller whose items are being done
  pthread_mutex_t lock;   // of what follows
  pthread_cond_t start, finish;
  int64_t threads;  // made so far
  int64_t working;  // numbers below this take part in the round
  _Atomic uint64_t round;
  _Atomic int64_t busy;
  _Atomic int64_t looks;
  KelipTask task;
  void *context;
  int64_t count;
  _Atomic int64_t next;
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .start = PTHREAD_COND_INITIALIZER,
          .finish = PTHREAD_COND_INITIALIZER};

static void work(int64_t worker) {
  for (int64_t index; (index = atomic_fetch_add(&pool.next, 1)) < pool.count;)
    pool.task(pool.context, index, worker);
}

static void *serve(void *number) {
  uint64_t seen = 0;
  for (;;) {
    for (int64_t look = atomic_load(&pool.looks); look > 0 && atomic_load(&pool.round) == seen; look--) BREATHE();
    pthread_mutex_lock(&pool.lock);
    while (atomic_load(&pool.round) == seen) pthread_cond_wait(&pool.start, &pool.lock);
    seen = atomic_load(&pool.round);
    int isNeeded = (int64_t)(intptr_t)number < pool.working;
    pthread_mutex_unlock(&pool.lock);
    if (!isNeeded) continue;
    work((int64_t)(intptr_t)number);
    if (atomic_fetch_sub(&pool.busy, 1) > 1) continue;
    pthread_mutex_lock(&pool.lock);
    pthread_cond_signal(&pool.finish);
    pthread_mutex_unlock(&pool.lock);
  }
  return NULL;
}

static _Atomic int64_t chosen_workers;

void kelip_pool_choose(int64_t workers) { atomic_store(&chosen_workers, workers); }

int64_t kelip_pool_workers(void) {
  int64_t number = atomic_load(&chosen_workers);
  if (number > 0) return number;
  const char *text = getenv("OMP_NUM_THREADS");
  number = text ? strtoll(text, NULL, 10) : 1;
  number = number < 1 ? 1 : number > 1024 ? 1024 : number;
  atomic_store(&chosen_workers, number);
  return number;
}

// Threads that wait for a core of their own must not keep it from those that work.
static int64_t looks_for(int64_t workers) {
  cpu_set_t cores;
  return sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) >= workers ? LOOKS : 0;
}

// Makes the threads that are missing; a machine that refuses them goes on with fewer. The caller is worker 0.
static int64_t complete_threads(int64_t workers) {
  while (pool.threads + 1 < workers) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)(pool.threads + 1)) != 0) return pool.threads + 1;
    pthread_detach(thread);
    pool.threads++;
    atomic_store(&pool.looks, looks_for(pool.threads + 1));
  }
  return workers;
}

void kelip_pool_run(int64_t count, int64_t workers, KelipTask task, void *context) {
  if (count < 2 || workers < 2 || pthread_mutex_trylock(&pool.owner) != 0) {
    for (int64_t index = 0; index < count; index++) task(context, index, 0);
    return;
  }
  pthread_mutex_lock(&pool.lock);
  pool.working = complete_threads(workers);
  pool.task = task;
  pool.context = context;
  pool.count = count;
  atomic_store(&pool.next, 0);
  atomic_store(&pool.busy, pool.working - 1);
  atomic_fetch_add(&pool.round, 1);
  pthread_cond_broadcast(&pool.start);
  pthread_mutex_unlock(&pool.lock);
  work(0);
  for (int64_t look = atomic_load(&pool.looks); look > 0 && atomic_load(&pool.busy) > 0; look--) BREATHE();
  pthread_mutex_lock(&pool.lock);
  while (atomic_load(&pool.busy) > 0) pthread_cond_wait(&pool.finish, &pool.lock);
  pthread_mutex_unlock(&pool.lock);
  pthread_mutex_unlock(&pool.owner);
}

// A closure that does not escape, as Swift hands it over: code, and what it captured.
typedef struct {
  __attribute__((swiftcall)) void (*code)(int64_t item, int64_t worker, __attribute__((swift_context)) void *captured);
  void *captured;
} Closure;

static void call_closure(void *closure_, int64_t item, int64_t worker) {
  const Closure *closure = closure_;
  closure->code(item, worker, closure->captured);
}

// Called from WorkerPool.swift, in Swift's own calling convention: making a C function pointer and a context of a
// closure costs Swift a heap allocation each time.
__attribute__((swiftcall)) void kelip_pool_run_closure(int64_t count, int64_t workers, void *code, void *captured) {
  Closure closure;
  *(void **)&closure.code = code;
  closure.captured = captured;
  kelip_pool_run(count, workers, call_closure, &closure);
}
