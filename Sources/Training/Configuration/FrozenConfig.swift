import Configuration
import Kernels
import Towers

/// `model.freeze_image`, `model.freeze_text` and `objective.learn_temperature`.
package struct FrozenConfig: Sendable, Equatable {
  package var image: Freezing
  package var text: Freezing
  package var temperature: Bool

  func parts<S: ComputeScalar>() -> DualEncoder<S>.FrozenParts {
    .init(image: image, text: text, logitScale: temperature)
  }

  init(_ reader: ConfigReader) throws {
    image = try Self.freezing(reader, "model.freeze_image")
    text = try Self.freezing(reader, "model.freeze_text")
    temperature = try !reader.bool("objective.learn_temperature", default: true)
  }

  /// `none`, `body`, `tower`, or a number of blocks.
  private static func freezing(_ reader: ConfigReader, _ key: String) throws -> Freezing {
    let text = try reader.string(key, default: "none")
    guard let freezing = Freezing(text: text) else {
      throw reader.fault(key, "unknown value \"\(text)\"", hint: Freezing.choices)
    }
    return freezing
  }
}
