import Basics
import Collectives
import Evaluation
import Foundation

/// Embeds what a plan has, part after part, into its folder. Parts that are there stay: a run that was killed goes on where
/// it stopped, with any number of ranks.
package struct FeatureRun {
  private let encoder: any FeatureEncoder
  private let sources: [any FeatureSource]
  private let plan: FeaturePlan
  private let folder: URL
  private static let batchSize = 64

  /// - Parameter plan: of these sources and this encoder.
  package init(
    _ encoder: any FeatureEncoder, _ sources: [any FeatureSource], _ plan: FeaturePlan, into folder: URL
  ) {
    (self.encoder, self.sources, self.plan, self.folder) = (encoder, sources, plan, folder)
  }

  /// Every rank calls it; the ranks share the parts that are still to be made.
  ///
  /// - Parameter progress: is told of the parts done and in all, those of all ranks as far as this one can see.
  /// - Returns: what was left out of all parts, by reason, equal on every rank.
  package func run(
    _ communicator: any Communicator = SoloCommunicator(), progress: (_ done: Int, _ all: Int) -> Void
  ) throws -> [String: Int] {
    _ = try communicator.onLeader { try plan.begin(in: folder) }
    let parts = plan.parts
    let open = try communicator.shareLeaders { parts.indices.filter { !parts[$0].isWhole(in: folder) } }
    let mine = stride(from: communicator.rank, to: open.count, by: communicator.worldSize).map { open[$0] }
    try communicator.agree {
      for (turn, number) in mine.enumerated() {
        try embed(parts[number])
        let done = parts.count - open.count + min(open.count, (turn + 1) * communicator.worldSize)
        progress(done, parts.count)
      }
    }
    return try communicator.shareLeaders { try FeatureFolder(folder, plan).leftOut() }
  }

  private func embed(_ part: FeaturePart) throws {
    let source = sources.first { $0.kind == part.kind }!
    var (rows, leftOut) = ([FeatureRow](), [String: Int]())
    var features = Features(images: [], texts: [], dimension: plan.dimension)
    for start in stride(from: part.items.lowerBound, to: part.items.upperBound, by: Self.batchSize) {
      let batch = try source.read(start..<min(start + Self.batchSize, part.items.upperBound))
      rows += batch.rows
      leftOut.merge(batch.leftOut, uniquingKeysWith: +)
      if part.kind.hasPictures {
        features.images += encoder.imageFeatures(batch.pixels, count: batch.rows.count)
      }
      if part.kind.hasTexts { features.texts += encoder.textFeatures(batch.texts) }
    }
    if plan.isNormalised { features = features.normalised() }
    let matrices =
      (part.kind.hasPictures ? [features.images] : []) + (part.kind.hasTexts ? [features.texts] : [])
    try part.write(matrices, rows: rows, leftOut: leftOut, plan, in: folder)
  }
}
