import Dispatch
import Synchronization

/// `inputs.map(transform)` on up to `threads` threads; the error of the first failing input is thrown.
package func concurrentMap<Input: Sendable, Output: Sendable>(
  _ inputs: [Input], threads: Int, transform: @Sendable (Input) throws -> Output
) throws -> [Output] {
  let workers = min(threads, inputs.count)
  guard workers > 1 else { return try inputs.map(transform) }
  let next = Atomic(0)
  let results = Mutex([Result<Output, any Error>?](repeating: nil, count: inputs.count))
  DispatchQueue.concurrentPerform(iterations: workers) { _ in
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < inputs.count else { return }
      let result = Result { try transform(inputs[index]) }
      results.withLock { $0[index] = result }
    }
  }
  return try results.withLock { try $0.map { try $0!.get() } }
}
