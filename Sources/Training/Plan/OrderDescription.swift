import Basics
import Foundation
import ShardStream

extension GlobalOrder {
  /// `15.2 steps an epoch`.
  package var epochDescription: String { "\(Self.short(stepsPerEpoch)) steps an epoch" }

  /// A line for each component of a mixture; none where all samples are taken alike.
  package var mixtureDescription: [String] {
    guard components.count > 1 else { return [] }
    let total = components.reduce(0.0) { $0 + Double($1.weight) }
    return components.map { component in
      let share = Double(component.weight) / total
      let language = component.language.map { " in language \($0.tag)" } ?? ""
      return
        "\(component.name): \(Self.short(100 * share)) % of each batch, \(component.sampleCount) pairs\(language) "
        + "in \(component.shards.count) shards, seen once in "
        + "\(Self.short(Double(component.sampleCount) / share / Double(globalBatchSize))) steps"
    }
  }

  /// How often each component has been gone through before step `step`, by name; none without a mixture.
  package func componentEpochs(before step: Int) -> [(String, JSONText)] {
    guard components.count > 1 else { return [] }
    return components.enumerated().map { number, component in
      let seen = samplesSeen(of: number, before: step)
      return (component.name, .number(Double(seen) / Double(component.sampleCount)))
    }
  }

  private static func short(_ number: Double) -> String {
    number == number.rounded() ? String(Int(number)) : String(format: "%.1f", number)
  }
}
