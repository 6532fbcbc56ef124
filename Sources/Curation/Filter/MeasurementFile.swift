import Basics
import Foundation

/// What one shard's samples measured, in columns, so that a later pass reads only what it needs.
///
/// Layout: 8 bytes of magic and version, the length of the header (64 bits), the header (JSON), and from the next multiple
/// of 16 on the columns: verdicts (16 bits a sample), measurements (40 bytes), and for each rule that compares samples
/// whether there is a trait (1 byte) and the trait (16 bytes). Numbers are little-endian.
struct MeasurementFile {
  struct Header: Codable, Equatable {
    var count: Int
    /// What `SampleMeasurement.reason` counts in.
    var reasons: [String]
    /// Groups of members that are no samples, by reason.
    var rejected: [String: Int]
    /// Damage that ended the shard early.
    var fault: String?
    /// How many rules compare samples.
    var traits: Int
  }

  private static let magic = Array("KLPMEAS1".utf8)
  private let handle: FileHandle
  private let path: String
  private let start: Int
  let header: Header

  init(_ url: URL) throws {
    path = url.path
    do {
      handle = try FileHandle(forReadingFrom: url)
      guard let head = try handle.read(upToCount: 16), head.count == 16,
        head.prefix(8).elementsEqual(Self.magic)
      else { throw KelipError("not a file of measurements") }
      let length = head.suffix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      guard length < 1 << 24, let json = try handle.read(upToCount: length), json.count == length else {
        throw KelipError("the file has no header")
      }
      header = try JSONDecoder().decode(Header.self, from: json)
      start = Self.aligned(16 + length)
    } catch {
      throw KelipError("cannot read the measurements: \(error)", at: url.path, hint: "remove this file")
    }
  }

  private static func aligned(_ offset: Int) -> Int { (offset + 15) / 16 * 16 }

  /// Bytes of verdicts, measurements, and for each rule presence and trait.
  private static func columns(_ header: Header) -> [Int] {
    [2 * header.count, MemoryLayout<SampleMeasurement>.stride * header.count]
      + (0..<header.traits).flatMap { _ in [header.count, 16 * header.count] }
  }

  func verdicts() throws -> [UInt16] { try column(0) }
  func measurements() throws -> [SampleMeasurement] { try column(1) }
  func hasTrait(_ index: Int) throws -> [UInt8] { try column(2 + 2 * index) }
  func traits(_ index: Int) throws -> [SampleTrait] { try column(3 + 2 * index) }

  private func column<Value: BitwiseCopyable>(_ index: Int) throws -> [Value] {
    let sizes = Self.columns(header)
    let offset = sizes[..<index].reduce(start) { Self.aligned($0 + $1) }
    try handle.seek(toOffset: UInt64(offset))
    let data = try sizes[index] == 0 ? Data() : handle.read(upToCount: sizes[index]) ?? Data()
    guard data.count == sizes[index] else {
      throw KelipError("the file of measurements is cut off", at: path, hint: "remove this file")
    }
    return [Value](unsafeUninitializedCapacity: header.count) { buffer, count in
      data.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
      count = header.count
    }
  }

  /// Writes all of it; the file appears whole or not at all.
  static func write(
    _ header: Header, measurements: [SampleMeasurement], traits: [[SampleTrait?]], to url: URL
  ) throws {
    precondition(measurements.count == header.count && traits.allSatisfy { $0.count == header.count })
    let json = try JSONEncoder.stable.encode(header)
    var bytes = Data(magic)
    withUnsafeBytes(of: UInt64(json.count).littleEndian) { bytes.append(contentsOf: $0) }
    bytes.append(json)
    append(measurements.map(\.verdict), to: &bytes)
    append(measurements, to: &bytes)
    for column in traits {
      append(column.map { $0 == nil ? UInt8(0) : 1 }, to: &bytes)
      append(column.map { $0 ?? SampleTrait(low: 0) }, to: &bytes)
    }
    try AtomicFile.write(bytes, to: url)
  }

  private static func append<Value: BitwiseCopyable>(_ column: [Value], to bytes: inout Data) {
    bytes.append(contentsOf: [UInt8](repeating: 0, count: aligned(bytes.count) - bytes.count))
    column.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }
}

extension JSONEncoder {
  /// The same bytes for the same value.
  static var stable: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }
}
