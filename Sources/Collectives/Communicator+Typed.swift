extension Communicator {
  /// Lays the equally long `mine` of all ranks end to end, in rank order, into `all`.
  ///
  /// - Parameters:
  ///   - mine: [count]
  ///   - all: [N · count]; `mine` may be this rank's own place in it.
  package func allGather<T: BitwiseCopyable>(
    _ mine: UnsafeBufferPointer<T>, into all: UnsafeMutableBufferPointer<T>
  ) throws {
    try allGatherRaw(UnsafeRawBufferPointer(mine), into: UnsafeMutableRawBufferPointer(all))
  }

  /// One value a rank, in rank order.
  package func allGather<T: BitwiseCopyable>(_ value: T) throws -> [T] {
    var all = [T](repeating: value, count: worldSize)
    try withUnsafePointer(to: value) { pointer in
      try all.withUnsafeMutableBufferPointer {
        try allGather(UnsafeBufferPointer(start: pointer, count: 1), into: $0)
      }
    }
    return all
  }

  /// The root's bytes; what the other ranks pass is ignored, and may be of another length.
  package func broadcastBytes(_ bytes: [UInt8], root: Int = 0) throws -> [UInt8] {
    var count = Int64(bytes.count)
    try withUnsafeMutableBytes(of: &count) { try broadcast($0, root: root) }
    var result = rank == root ? bytes : [UInt8](repeating: 0, count: Int(count))
    try result.withUnsafeMutableBytes { try broadcast($0, root: root) }
    return result
  }

  /// Σ over ranks of one number.
  package func sum(_ value: Double) throws -> Double {
    var value = value
    try withUnsafeMutablePointer(to: &value) {
      try allReduceSum(UnsafeMutableBufferPointer(start: $0, count: 1))
    }
    return value
  }

  /// max over ranks of one number.
  package func max(_ value: Double) throws -> Double {
    var value = value
    try withUnsafeMutablePointer(to: &value) {
      try allReduceMax(UnsafeMutableBufferPointer(start: $0, count: 1))
    }
    return value
  }
}
