/// Exchanges as the formula reads, for a world of threads.
extension Exchange {
  /// Everything that the rank brings, in the form in which others get it.
  func outgoing(_ rank: Int) -> [UInt8] {
    guard style.wire == .bf16, kind != .allGather else { return Array(UnsafeRawBufferPointer(buffer)) }
    let own = range(rank..<rank + 1)
    let values = buffer.enumerated().map { own.contains($0.offset) ? $0.element : $0.element.roundedToBF16 }
    return values.withUnsafeBytes { Array($0) }
  }

  /// From the contributions of all ranks, in rank order.
  func take(_ contributions: [[UInt8]], rank: Int) {
    let all = contributions.map { bytes in bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) } }
    sumOfSquares = 0
    for place in all.indices where place == rank || kind != .reduceScatter {
      for i in range(place..<place + 1) {
        buffer[i] = kind == .allGather ? all[place][i] : sum(all, at: i)
        if kind != .allGather, place == rank { sumOfSquares += Double(buffer[i]) * Double(buffer[i]) }
      }
    }
  }

  private func sum(_ all: [[Float]], at i: Int) -> Float {
    let sum = all.dropFirst().reduce(all[0][i]) { $0 + $1[i] }
    return kind == .allReduce && style.wire == .bf16 ? sum.roundedToBF16 : sum
  }
}

extension Float {
  /// The nearest number with eight bits of precision, ties to even; not for NaN.
  fileprivate var roundedToBF16: Float {
    let word = bitPattern
    return Float(bitPattern: (word &+ 0x7fff &+ (word >> 16 & 1)) & 0xffff_0000)
  }
}
