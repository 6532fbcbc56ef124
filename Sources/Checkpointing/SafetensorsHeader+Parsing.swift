import Basics

extension SafetensorsHeader {
  /// Reads and validates a header.
  ///
  /// - Parameters:
  ///   - json: the header's bytes without the length.
  ///   - dataByteCount: how many bytes the file holds after the header.
  init(parsing json: UnsafeRawBufferPointer, dataByteCount: Int) throws {
    var scanner = JSONScanner(json)
    var names: Set<String> = []
    var hasMetadata = false
    try scanner.object { scanner, key in
      if key == "__metadata__" {
        guard !hasMetadata else { throw KelipError("__metadata__ appears twice in the header") }
        hasMetadata = true
        metadata = try Self.metadata(&scanner)
        return
      }
      guard names.insert(key).inserted else { throw KelipError("tensor \(key) appears twice in the header") }
      entries.append(try Self.entry(&scanner, name: key))
    }
    try scanner.end()
    entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    try checkCoverage(dataByteCount)
  }

  private static func metadata(_ scanner: inout JSONScanner) throws -> [String: String] {
    var result: [String: String] = [:]
    try scanner.object { scanner, key in
      guard result.updateValue(try scanner.string(), forKey: key) == nil else {
        throw KelipError("__metadata__ holds \(key) twice")
      }
    }
    return result
  }

  private static func entry(_ scanner: inout JSONScanner, name: String) throws -> Entry {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    do {
      try scanner.object { scanner, field in
        switch field {
        case "dtype" where type == nil: type = try scanner.string()
        case "shape" where shape == nil: shape = try scanner.counts()
        case "data_offsets" where offsets == nil: offsets = try scanner.counts()
        default: throw KelipError("field \(field) is unknown or appears twice")
        }
      }
      return try entry(name: name, type: type, shape: shape, offsets: offsets)
    } catch let error as KelipError {
      throw KelipError("tensor \(name): \(error.message)")
    }
  }

  private static func entry(name: String, type: String?, shape: [Int]?, offsets: [Int]?) throws -> Entry {
    guard let type, let shape, let offsets else {
      throw KelipError("dtype, shape or data_offsets is missing")
    }
    guard let known = TensorType(rawValue: type) else { throw KelipError("dtype \(type) is unknown") }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw KelipError("data_offsets \(offsets) are not a begin and an end")
    }
    let spec = TensorSpec(name, known, shape)
    guard let byteCount = spec.checkedByteCount else { throw KelipError("shape \(shape) overflows") }
    guard byteCount == offsets[1] - offsets[0] else {
      throw KelipError(
        "shape \(shape) of \(type) takes \(byteCount) bytes, data_offsets \(offsets) hold another")
    }
    return Entry(spec: spec, range: offsets[0]..<offsets[1])
  }

  /// Tensors follow one another without hole or overlap, and end with the file.
  private func checkCoverage(_ dataByteCount: Int) throws {
    var end = 0
    for entry in entries {
      guard entry.range.lowerBound == end else {
        let fault = entry.range.lowerBound < end ? "overlaps the tensor before it" : "follows a hole"
        throw KelipError("tensor \(entry.spec.name): begins at \(entry.range.lowerBound) and \(fault)")
      }
      end = entry.range.upperBound
      guard end <= dataByteCount else {
        throw KelipError("tensor \(entry.spec.name): ends at \(end), the file's data at \(dataByteCount)")
      }
    }
    guard end == dataByteCount else {
      throw KelipError("the tensors end at \(end), the file's data at \(dataByteCount)")
    }
  }
}
