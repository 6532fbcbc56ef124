import Basics

/// The JSON before the tensors: where each lies, and free text.
///
/// Format: https://github.com/huggingface/safetensors — 8 bytes of little-endian header length, the header, and
/// the tensors' bytes without holes.
struct SafetensorsHeader {
  struct Entry {
    var spec: TensorSpec
    /// Bytes after the header.
    var range: Range<Int>
  }

  /// The format's own cap, against headers that exhaust memory.
  static let maximumByteCount = 100_000_000

  /// In the order of their bytes.
  var entries: [Entry] = []
  var metadata: [String: String] = [:]

  /// Lays the tensors end to end.
  init(tensors: [TensorSpec], metadata: [String: String]) {
    self.metadata = metadata
    var end = 0
    var names: Set<String> = []
    for spec in tensors {
      precondition(
        spec.name != "__metadata__" && names.insert(spec.name).inserted, "tensor \(spec.name) twice")
      precondition(
        end % spec.type.width == 0,
        "\(spec.name) would begin inside an element: order tensors from wide types to narrow")
      entries.append(Entry(spec: spec, range: end..<(end + spec.byteCount)))
      end += spec.byteCount
    }
  }

  var dataByteCount: Int { entries.last?.range.upperBound ?? 0 }

  /// Length and JSON, padded with spaces so that the tensors begin on a multiple of 8.
  func encoded() -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }
      let text = pairs.map { "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))" }
      members.append("\"__metadata__\":{\(text.joined(separator: ","))}")
    }
    members += entries.map { entry in
      let shape = entry.spec.shape.map(String.init).joined(separator: ",")
      return
        "\(JSONText.quoted(entry.spec.name)):{\"dtype\":\"\(entry.spec.type.rawValue)\",\"shape\":[\(shape)],"
        + "\"data_offsets\":[\(entry.range.lowerBound),\(entry.range.upperBound)]}"
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    json += [UInt8](repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }
}
