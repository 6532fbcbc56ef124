import CKernels

#if canImport(Glibc)
  import Glibc
#endif

/// Σ x² in 64 bits and a fixed order: 64 parts, added up one after the other.
package func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double {
  let parts = 64
  let size = (count + parts - 1) / parts
  return withUnsafeTemporaryAllocation(of: Double.self, capacity: parts) { sums in
    WorkerPool.forEach(size < WorkerPool.worthSharing ? 1 : parts) { item, _ in
      let items = size < WorkerPool.worthSharing ? 0..<parts : item..<item + 1
      for part in items {
        let range = min(count, part * size)..<min(count, (part + 1) * size)
        sums[part] = kelip_sum_of_squares(x + range.lowerBound, Int64(range.count))
      }
    }
    return sums.reduce(0, +)
  }
}

/// x = 0.
package func clear(_ x: UnsafeMutableBufferPointer<Float>) {
  guard let start = x.baseAddress else { return }
  WorkerPool.share(x.count, grain: 1 << 18) { part in
    memset(start + part.lowerBound, 0, part.count * MemoryLayout<Float>.stride)
  }
}

/// Σ x·y in 64 bits and a fixed order.
package func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Double {
  kelip_dot(x, y, Int64(count))
}

/// x *= factor.
package func scale(_ x: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
  kelip_scale(x, factor, Int64(count))
}
