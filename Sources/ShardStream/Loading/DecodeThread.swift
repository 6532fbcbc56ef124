import Foundation

/// A thread of the system's that can be joined.
final class DecodeThread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private var handle = pthread_t()

  init(_ run: @escaping @Sendable () -> Void) {
    let body = Unmanaged.passRetained(Body(run))
    let status = pthread_create(
      &handle, nil,
      { argument in
        Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, body.toOpaque())
    precondition(status == 0, "pthread_create: \(String(cString: strerror(status)))")
  }

  /// Waits for the thread's end; once.
  func join() {
    let status = pthread_join(handle, nil)
    precondition(status == 0, "pthread_join: \(String(cString: strerror(status)))")
  }
}
