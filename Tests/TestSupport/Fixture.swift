import Basics
import Foundation

/// A committed safetensors file of another library's numbers: 8 bytes of header length, a JSON header, the data.
package struct Fixture {
  package struct Tensor {
    package var shape: [Int]
    package var type: String
    fileprivate var bytes: Data
  }

  package let metadata: [String: String]
  package let tensors: [String: Tensor]

  /// - Parameter bundle: the test target's, whose `Fixtures` folder holds `name`.safetensors.
  package init(_ name: String, in bundle: Bundle) throws {
    guard let url = bundle.url(forResource: name, withExtension: "safetensors", subdirectory: "Fixtures")
    else { throw KelipError("no fixture \(name).safetensors in \(bundle.bundlePath)") }
    let data = try Data(contentsOf: url)
    let headerEnd = 8 + data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    let json = try JSONSerialization.jsonObject(with: data[8..<headerEnd])
    guard var header = json as? [String: Any] else { throw KelipError("header is no object", at: url.path) }
    metadata = header.removeValue(forKey: "__metadata__") as? [String: String] ?? [:]
    tensors = try header.mapValues { try Self.tensor($0, data[headerEnd...]) }
  }

  private static func tensor(_ entry: Any, _ data: Data) throws -> Tensor {
    guard let entry = entry as? [String: Any], let type = entry["dtype"] as? String,
      let shape = entry["shape"] as? [Int], let range = entry["data_offsets"] as? [Int], range.count == 2
    else { throw KelipError("not a tensor: \(entry)") }
    let start = data.startIndex
    return Tensor(shape: shape, type: type, bytes: Data(data[start + range[0]..<start + range[1]]))
  }

  /// The tensors whose names begin with `prefix`, without it.
  package func names(after prefix: String) -> [String] {
    tensors.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
  }

  package func floats(_ name: String) throws -> [Float] { try elements(name, "F32") }
  package func doubles(_ name: String) throws -> [Double] { try elements(name, "F64") }
  package func integers(_ name: String) throws -> [Int64] { try elements(name, "I64") }
  package func shape(_ name: String) throws -> [Int] { try tensor(name).shape }

  private func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else { throw KelipError("no tensor \(name) in the fixture") }
    return tensor
  }

  private func elements<T: BitwiseCopyable>(_ name: String, _ type: String) throws -> [T] {
    let tensor = try tensor(name)
    guard tensor.type == type else { throw KelipError("\(name) is \(tensor.type), not \(type)") }
    return tensor.bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / MemoryLayout<T>.stride).map {
        bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self)
      }
    }
  }
}
