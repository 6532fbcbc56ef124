import Collectives

/// A collective as it is queued: values and references only, so that queueing allocates nothing.
enum Request {
  case reduce(UnsafeMutableRawBufferPointer, Reduction)
  case exchange(Exchange)
  /// Parts of one length.
  case gather(UnsafeRawBufferPointer, into: UnsafeMutableRawBufferPointer)
  case gatherCounts(UnsafeRawBufferPointer, [Int], into: UnsafeMutableRawBufferPointer)
  case broadcast(UnsafeMutableRawBufferPointer, root: Int)
  case barrier
  case share(UnsafeMutableRawBufferPointer)
  case unshare(UnsafeMutableRawBufferPointer)
}

extension OperationBuilder {
  /// What a request takes. Sharing memory is done at once.
  func operations(_ request: Request, _ pending: PendingCollective) throws -> [Operation] {
    switch request {
    case .reduce(let buffer, let reduction): return reduce(buffer, reduction, pending)
    case .exchange(let exchange): return self.exchange(exchange, pending)
    case .gather(let mine, let all):
      return gather(mine, counts: Array(repeating: mine.count, count: worldSize), into: all, pending)
    case .gatherCounts(let mine, let counts, let all): return gather(mine, counts: counts, into: all, pending)
    case .broadcast(let buffer, let root): return broadcast(buffer, root: root, pending)
    case .barrier: return barrier(pending)
    case .share(let pages):
      try world.machine.share(pages)
      pending.complete(.success(()))
      return []
    case .unshare(let pages):
      world.machine.unshare(pages)
      pending.complete(.success(()))
      return []
    }
  }
}
