import Basics
import Checkpointing
import Foundation

/// Features in parts, as `FeatureRun` makes them.
package struct FeatureFolder: Sendable {
  package let url: URL
  package let plan: FeaturePlan

  package init(_ url: URL, _ plan: FeaturePlan) { (self.url, self.plan) = (url, plan) }

  /// - Throws: where a part is missing, too.
  package init(_ url: URL) throws {
    self.init(url, try FeaturePlan(folder: url))
    let missing = plan.parts.count { !$0.isWhole(in: url) }
    guard missing == 0 else {
      throw KelipError(
        "\(missing) of \(plan.parts.count) parts are not there yet", at: url.path,
        hint: "run the same kelip embed again: it goes on where it stopped")
    }
  }

  package func reader(_ part: FeaturePart) throws -> SafetensorsReader {
    let reader = try SafetensorsReader(part.features(in: url))
    for name in FeaturePart.tensors(part.kind) {
      let tensor = try reader.tensor(named: name)
      guard tensor.type == plan.features.tensorType, tensor.shape.count == 2,
        tensor.shape[1] == plan.dimension
      else {
        throw KelipError("\(name) is \(tensor.type.rawValue) \(tensor.shape)", at: reader.url.path)
      }
    }
    return reader
  }

  /// Rows of a part, as they are in its `.jsonl`.
  package func rows(_ part: FeaturePart) throws -> [FeatureRow] {
    let place = part.rows(in: url)
    let decoder = JSONDecoder()
    do {
      return try Data(contentsOf: place).split(separator: UInt8(ascii: "\n")).map {
        try decoder.decode(FeatureRow.self, from: $0)
      }
    } catch {
      throw KelipError("cannot be read: \(error.localizedDescription)", at: place.path)
    }
  }

  /// Of all parts, by reason.
  package func leftOut() throws -> [String: Int] {
    try plan.parts.reduce(into: [:]) { all, part in
      all.merge(FeaturePart.leftOut(try reader(part)), uniquingKeysWith: +)
    }
  }

  package func remove() throws {
    do {
      try FileManager.default.removeItem(at: url)
    } catch {
      throw KelipError("cannot be removed: \(error.localizedDescription)", at: url.path)
    }
  }
}
