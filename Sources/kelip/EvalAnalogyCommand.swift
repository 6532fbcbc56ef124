import ArgumentParser
import Basics
import Evaluation
import Foundation
import ProgramEntry
import Studies

/// `kelip eval analogy`: pictures found by sums of features.
struct EvalAnalogy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "analogy",
    abstract: "Find pictures by sums of features, or score such sums on captions that differ in one word.",
    discussion: """
      A sum is written as \"image:cat.jpg - text:day + 2*text:night\"; sample:KEY is a picture of --data. Without sums \
      the questions are made of the captions in --language, after SIMAT: pictures whose captions differ in one word, for \
      changes that occur in --minimum pairs of captions.
      """)

  @OptionGroup var modelOptions: ModelOptions
  @OptionGroup var galleryOptions: GalleryOptions
  @Option(name: .customLong("sum"), help: "A sum; may be given several times.") var sums: [String] = []
  @Option(help: "Pictures found by each sum.") var k = 8
  @Option(help: "Write the pictures that sums find to this PNG.") var sheet: String?
  @Option(help: "The captions that questions are made of.") var language = "en"
  @Option(help: "Pairs of captions in which a change of words must occur.") var minimum = 3
  @Option(parsing: .upToNextOption, help: "Factors of the words in questions; 0 is the picture alone.")
  var weights: [Float] = [0, 0.5, 1, 1.5, 2]
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard k > 0, minimum > 0 else { throw ValidationError("--k and --minimum must be at least 1") }
  }

  func run() throws {
    Program.run { communicator in
      let (encoder, terms) = try communicator.agree {
        (try modelOptions.encoder(), try sums.map { ($0, try Arithmetic($0)) })
      }
      let gallery = try galleryOptions.gallery(
        encoder, language: sums.isEmpty ? language : nil, communicator)
      guard communicator.isLeader else { return .done }
      try sums.isEmpty ? score(encoder, gallery) : find(terms, AnalogySearch(encoder, gallery), gallery)
      return .done
    }
  }

  private func find(_ sums: [(String, Arithmetic)], _ search: AnalogySearch, _ gallery: Gallery) throws {
    let found = try sums.map { (text: $0.0, found: try search.find($0.1, k: k)) }
    if let sheet { try search.sheet(found).write(to: sheet) }
    for sum in found {
      guard !json else {
        let pictures = sum.found.map {
          JSONText.object([
            ("key", .string(gallery.keys[$0.index])), ("score", .number(Double($0.score))),
          ])
        }
        print(JSONText.object([("sum", .string(sum.text)), ("pictures", .array(pictures))]).text)
        continue
      }
      print(sum.text)
      for picture in sum.found {
        print(
          String(format: "  %.3f  ", picture.score)
            + "\(gallery.keys[picture.index])  \(gallery.captions[picture.index])")
      }
    }
  }

  private func score(_ encoder: any FeatureEncoder, _ gallery: Gallery) throws {
    let triples = AnalogyTriples(captions: gallery.captions, minimum: minimum)
    guard !triples.triples.isEmpty else {
      throw KelipError("no captions in \(language) differ in one word often enough", hint: "lower --minimum")
    }
    let benchmark = AnalogyBenchmark(encoder, gallery, triples, weights: weights)
    guard !json else { return print(benchmark.json.text) }
    print("\(benchmark.count) questions over \(gallery.count) pictures")
    for row in benchmark.rows {
      print(
        String(
          format: "image + %.1f · (new − old word): R@1 %.1f %%, R@5 %.1f %%", row.weight,
          100 * row.recallAt1,
          100 * row.recallAt5))
    }
  }
}
