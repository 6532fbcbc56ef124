import Basics
import Foundation

/// A weight file's tensors under the names they have here.
package struct NamedWeights: Sendable {
  package let reader: SafetensorsReader
  package let map: NameMap
  /// The file's tensors by their names here; a spec has the file's name.
  package let tensors: [String: TensorSpec]
  /// Names in the file of tensors that are no weights of a tower, in its order.
  package let ignored: [String]
  /// Names in the file that its kind does not have, in its order.
  package let unknown: [String]

  /// - Parameters:
  ///   - url: a safetensors file, or a folder that holds one under a usual name.
  ///   - map: the file's kind; nil to tell it by its names.
  package init(_ url: URL, as map: NameMap? = nil) throws {
    let reader = try SafetensorsReader(Self.file(at: url))
    let map = try map ?? NameMap.detect(reader.tensors.map(\.name), at: reader.url.path)
    (self.reader, self.map) = (reader, map)
    var (tensors, ignored, unknown): ([String: TensorSpec], [String], [String]) = ([:], [], [])
    for spec in reader.tensors {
      switch map.inside(spec.name) {
      case .ignored: ignored.append(spec.name)
      case .unknown: unknown.append(spec.name)
      case .tensor(let name):
        if let other = tensors.updateValue(spec, forKey: name) {
          throw KelipError("\(other.name) and \(spec.name) are both \(name)", at: reader.url.path)
        }
      }
    }
    (self.tensors, self.ignored, self.unknown) = (tensors, ignored, unknown)
  }

  /// The names that a folder of a model gives its weights.
  private static let fileNames = ["model.safetensors", "open_clip_model.safetensors"]

  private static func file(at url: URL) throws -> URL {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw KelipError("there is no such file", at: url.path)
    }
    guard isFolder.boolValue else {
      try refusePickle(url)
      return url
    }
    let files = fileNames.map { url.appendingPathComponent($0) }
    guard let found = files.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
      throw KelipError(
        "no weights in the folder", at: url.path, hint: "one of \(fileNames.joined(separator: ", "))")
    }
    return found
  }

  /// A pickle runs what its author wants when it is read.
  private static func refusePickle(_ url: URL) throws {
    guard ["pt", "pth", "bin", "ckpt"].contains(url.pathExtension) else { return }
    throw KelipError(
      "a pickle is not read here", at: url.path,
      hint: "convert it in Python first: see \"Weights in and out\" in README.md")
  }
}
