import Basics

extension SafetensorsReader {
  /// A tensor of any floating-point type, as 32-bit floats.
  ///
  /// - Returns: [element count], row-major.
  package func floats(named name: String) throws -> [Float] {
    let count = try elementCount(name)
    return try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      try copyFloats(named: name, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      filled = count
    }
  }

  /// The same into the caller's memory.
  ///
  /// - Parameter target: [element count], row-major.
  package func copyFloats(named name: String, into target: UnsafeMutableBufferPointer<Float>) throws {
    let (type, shape, bytes) = try tensor(named: name)
    guard target.count == (try elementCount(name)) else {
      throw KelipError("tensor \(name) of shape \(shape) does not fill \(target.count) floats", at: url.path)
    }
    switch type {
    case .float32: UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
    case .bfloat16: convert(bytes, to: target) { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) }
    case .float16: convert(bytes, to: target) { (bits: UInt16) in Float(Float16(bitPattern: bits)) }
    case .float64: convert(bytes, to: target) { (bits: UInt64) in Float(Double(bitPattern: bits)) }
    default: throw KelipError("tensor \(name) is \(type.rawValue), not a floating-point type", at: url.path)
    }
  }

  /// As `copyFloats`, and 64-bit integers too: counts, exact to 2²⁴.
  package func copyNumbers(named name: String, into target: UnsafeMutableBufferPointer<Float>) throws {
    let (type, shape, bytes) = try tensor(named: name)
    guard type == .int64 else { return try copyFloats(named: name, into: target) }
    guard target.count == (try elementCount(name)) else {
      throw KelipError("tensor \(name) of shape \(shape) does not fill \(target.count) numbers", at: url.path)
    }
    convert(bytes, to: target) { (bits: Int64) in Float(bits) }
  }

  private func elementCount(_ name: String) throws -> Int {
    let (type, _, bytes) = try tensor(named: name)
    return bytes.count / type.width
  }

  @inline(__always)
  private func convert<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, to target: UnsafeMutableBufferPointer<Float>, _ value: (Bits) -> Float
  ) {
    for i in target.indices {
      let bits = bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<Bits>.size, as: Bits.self)
      target[i] = value(Bits(littleEndian: bits))
    }
  }
}
