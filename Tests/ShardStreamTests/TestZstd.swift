import Foundation

/// Builds zstd frames byte by byte (RFC 8878), so that tests can also build hostile and damaged ones.
struct TestZstd {
  var bytes: [UInt8] = []

  static func littleEndian(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// Magic, descriptor, a window of 2^`windowLog` bytes, and the content's size where it is told.
  static func header(windowLog: Int = 20, contentSize: Int? = nil, hasChecksum: Bool = false) -> [UInt8] {
    let descriptor: UInt8 = (contentSize == nil ? 0 : 0xC0) | (hasChecksum ? 4 : 0)
    return [0x28, 0xB5, 0x2F, 0xFD, descriptor, UInt8((windowLog - 10) << 3)]
      + (contentSize.map { littleEndian($0, 8) } ?? [])
  }

  static func block(type: Int, size: Int, isLast: Bool) -> [UInt8] {
    littleEndian(size << 3 | type << 1 | (isLast ? 1 : 0), 3)
  }

  /// A frame of raw blocks.
  mutating func add(_ data: some Collection<UInt8>, tellsSize: Bool = true, checksum: [UInt8] = []) {
    bytes += Self.header(contentSize: tellsSize ? data.count : nil, hasChecksum: !checksum.isEmpty)
    var rest = data[...]
    repeat {
      let part = rest.prefix(128 << 10)
      rest = rest.dropFirst(part.count)
      bytes += Self.block(type: 0, size: part.count, isLast: rest.isEmpty) + part
    } while !rest.isEmpty
    bytes += checksum
  }

  /// A frame of `blocks` × 128 KiB of zeros: four bytes a block.
  mutating func addZeros(blocks: Int, tellsSize: Bool) {
    bytes += Self.header(contentSize: tellsSize ? blocks << 17 : nil)
    for block in 0..<blocks {
      bytes += Self.block(type: 1, size: 128 << 10, isLast: block == blocks - 1) + [0]
    }
  }

  mutating func addSkippable(_ data: [UInt8]) {
    bytes += [0x5A, 0x2A, 0x4D, 0x18] + Self.littleEndian(data.count, 4) + data
  }

  func write(to url: URL) throws { try Data(bytes).write(to: url) }
}

/// XXH64 with seed 0, in plain words: the low four bytes are a frame's checksum.
func xxh64(_ data: [UInt8]) -> UInt64 {
  let primes: [UInt64] = [
    0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63,
    0x27D4_EB2F_1656_67C5,
  ]
  func rotate(_ x: UInt64, _ n: UInt64) -> UInt64 { x << n | x >> (64 - n) }
  func round(_ sum: UInt64, _ input: UInt64) -> UInt64 {
    rotate(sum &+ input &* primes[1], 31) &* primes[0]
  }
  func word(_ at: Int, _ count: Int) -> UInt64 {
    data[at..<(at + count)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
  var at = 0
  var sum = primes[4]
  if data.count >= 32 {
    var lanes: [UInt64] = [primes[0] &+ primes[1], primes[1], 0, 0 &- primes[0]]
    while at + 32 <= data.count {
      for lane in 0..<4 { lanes[lane] = round(lanes[lane], word(at + 8 * lane, 8)) }
      at += 32
    }
    sum = rotate(lanes[0], 1) &+ rotate(lanes[1], 7) &+ rotate(lanes[2], 12) &+ rotate(lanes[3], 18)
    for lane in lanes { sum = (sum ^ round(0, lane)) &* primes[0] &+ primes[3] }
  }
  sum = sum &+ UInt64(data.count)
  while at + 8 <= data.count {
    sum = rotate(sum ^ round(0, word(at, 8)), 27) &* primes[0] &+ primes[3]
    at += 8
  }
  if at + 4 <= data.count {
    sum = rotate(sum ^ word(at, 4) &* primes[0], 23) &* primes[1] &+ primes[2]
    at += 4
  }
  for byte in data[at...] { sum = rotate(sum ^ UInt64(byte) &* primes[4], 11) &* primes[0] }
  sum = (sum ^ sum >> 33) &* primes[1]
  sum = (sum ^ sum >> 29) &* primes[2]
  return sum ^ sum >> 32
}
