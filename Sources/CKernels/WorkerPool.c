#include "WorkerPool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static struct {
  pthread_mutex_t owner;  // held by the caller whose items are being done
  pthread_mutex_t lock;   // of what follows
  pthread_cond_t start, finish;
  int64_t threads;  // made so far
  int64_t working;  // numbers below this take part in the round
  uint64_t round;
  int64_t busy;
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
  pthread_mutex_lock(&pool.lock);
  for (;;) {
    while (pool.round == seen) pthread_cond_wait(&pool.start, &pool.lock);
    seen = pool.round;
    if ((int64_t)(intptr_t)number >= pool.working) continue;
    pthread_mutex_unlock(&pool.lock);
    work((int64_t)(intptr_t)number);
    pthread_mutex_lock(&pool.lock);
    if (--pool.busy == 0) pthread_cond_signal(&pool.finish);
  }
  return NULL;
}

int64_t kelip_pool_workers(void) {
  const char *text = getenv("OMP_NUM_THREADS");
  int64_t number = text ? strtoll(text, NULL, 10) : 1;
  return number < 1 ? 1 : number > 1024 ? 1024 : number;
}

// Makes the threads that are missing; a machine that refuses them goes on with fewer. The caller is worker 0.
static int64_t complete_threads(int64_t workers) {
  while (pool.threads + 1 < workers) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)(pool.threads + 1)) != 0) return pool.threads + 1;
    pthread_detach(thread);
    pool.threads++;
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
  pool.busy = pool.working - 1;
  pool.round++;
  pthread_cond_broadcast(&pool.start);
  pthread_mutex_unlock(&pool.lock);
  work(0);
  pthread_mutex_lock(&pool.lock);
  while (pool.busy > 0) pthread_cond_wait(&pool.finish, &pool.lock);
  pthread_mutex_unlock(&pool.lock);
  pthread_mutex_unlock(&pool.owner);
}
