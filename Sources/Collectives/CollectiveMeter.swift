import Synchronization

/// How long collectives were under way on this process's communication thread, hidden or waited for.
package enum CollectiveMeter {
  private static let nanoseconds = Atomic<Int>(0)

  /// So far; a difference of two readings says what lay between.
  package static var busySeconds: Double { Double(nanoseconds.load(ordering: .relaxed)) * 1e-9 }

  package static func add(seconds: Double) {
    nanoseconds.wrappingAdd(Int(seconds * 1e9), ordering: .relaxed)
  }
}
