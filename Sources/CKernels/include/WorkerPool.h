// A few threads, made once, that share the loops of one call at a time.
#pragma once
#include <stdint.h>

/// What a worker does with item `index`; workers are numbered from 0, the caller's own thread.
typedef void (*KelipTask)(void *context, int64_t index, int64_t worker);

/// The workers to ask for: what was chosen, else OMP_NUM_THREADS as it was at the first question, else 1.
int64_t kelip_pool_workers(void);
/// Overrides OMP_NUM_THREADS from now on; 0 asks it again.
void kelip_pool_choose(int64_t workers);
/// Runs `task` once for each index below `count`, in no certain order, on at most `workers` threads with the caller's,
/// and returns when all are done. Threads are made when they are first asked for and kept. Where another thread has the
/// pool, or there is one worker, the caller does it all as worker 0.
void kelip_pool_run(int64_t count, int64_t workers, KelipTask task, void *context);
