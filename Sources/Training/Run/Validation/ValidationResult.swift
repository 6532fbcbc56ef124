import Basics
import Evaluation

/// What a validation found; equal on every rank.
struct ValidationResult {
  struct OfLanguage {
    var language: String
    var report: RetrievalReport
    /// See `PairLoss`.
    var loss: Double
    /// Unit rows, and the pictures' numbers in the samples.
    var features: Features
    var numbers: [Int]
  }

  var languages: [OfLanguage]

  /// What the best checkpoint is chosen by: R@1, the mean over both directions and the languages.
  var score: Double {
    languages.reduce(0) { $0 + ($1.report.textToImage.recallAt1 + $1.report.imageToText.recallAt1) / 2 }
      / Double(languages.count)
  }

  /// As `metrics.jsonl` has it.
  var fields: [(String, JSONText)] {
    var fields: [(String, JSONText)] = [("validation_score", .number(score))]
    for found in languages {
      let head = "validation_\(found.language)"
      fields.append(("\(head)_loss", .number(found.loss)))
      fields += Self.fields("\(head)_text_to_image", found.report.textToImage)
      fields += Self.fields("\(head)_image_to_text", found.report.imageToText)
    }
    return fields
  }

  private static func fields(_ head: String, _ metrics: RetrievalMetrics) -> [(String, JSONText)] {
    let values = [
      ("R@1", metrics.recallAt1), ("R@5", metrics.recallAt5), ("R@10", metrics.recallAt10),
      ("median_rank", metrics.medianRank),
    ]
    return values.map { ("\(head)_\($0.0)", .number($0.1)) }
  }
}
