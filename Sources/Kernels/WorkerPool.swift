import CKernels

/// The threads that share a loop of this program's own kernels, made when first asked for.
package enum WorkerPool {
  /// How many to ask for, the caller's included: `OMP_NUM_THREADS`, which the program sets from its options.
  package static var workers: Int { Int(kelip_pool_workers()) }
}
