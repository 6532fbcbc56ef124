import Basics

#if canImport(Glibc)
  import Glibc
#endif

/// Memory for activations, gradients in flight and scratch: address space reserved once, handed out by a bump
/// pointer and taken back all at once. Pages are touched on first use and stay, so a steady step allocates nothing.
package final class Arena: @unchecked Sendable {
  /// A place to rewind to; everything allocated after it is given back.
  package struct Mark {
    fileprivate let offset: Int
  }

  private let base: UnsafeMutableRawPointer
  private let capacity: Int
  private var offset = 0
  /// The most bytes that were ever in use.
  package private(set) var peakBytes = 0

  /// - Parameter capacity: bytes of address space, not of memory: only touched pages cost anything.
  package init(capacity: Int = 1 << 38) throws {
    self.capacity = capacity
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let address = mmap(nil, capacity, PROT_READ | PROT_WRITE, flags, -1, 0), address != MAP_FAILED
    else {
      throw KelipError(
        "cannot reserve \(capacity >> 30) GiB of address space: \(String(cString: strerror(errno)))",
        at: "activation memory", hint: "lift `ulimit -v`")
    }
    base = address
    // Huge pages spare the matrix products most of their address translation; refusal costs only speed.
    madvise(base, capacity, MADV_HUGEPAGE)
  }

  deinit { munmap(base, capacity) }

  /// `count` elements, not initialised, aligned to a cache line.
  package func allocate<T: BitwiseCopyable>(_: T.Type = T.self, _ count: Int) -> UnsafeMutablePointer<T> {
    let bytes = (count * MemoryLayout<T>.stride + 63) & ~63
    precondition(offset + bytes <= capacity, "activation arena exhausted")
    defer {
      offset += bytes
      peakBytes = max(peakBytes, offset)
    }
    return (base + offset).bindMemory(to: T.self, capacity: count)
  }

  /// `count` elements of zero bytes.
  package func allocateZeroed<T: BitwiseCopyable>(_: T.Type = T.self, _ count: Int) -> UnsafeMutablePointer<T>
  {
    let span = Phase.clearing.begin()
    defer { span.end() }
    let pointer = allocate(T.self, count)
    memset(pointer, 0, count * MemoryLayout<T>.stride)
    return pointer
  }

  package var mark: Mark { Mark(offset: offset) }

  package func rewind(to mark: Mark) { offset = mark.offset }

  /// Runs `body` and gives back all that it allocated.
  package func scratch<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = mark
    defer { rewind(to: start) }
    return try body()
  }
}
