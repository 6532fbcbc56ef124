import ArgumentParser
import Basics
import Foundation
import ProgramEntry
import Studies

/// `kelip eval culture`: what words call up in either language.
struct EvalCulture: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "culture",
    abstract: "Lay the pictures found by Korean and English words side by side; under mpirun, too.",
    discussion: "The overlap of two words is the part of their first --k pictures that both find.")

  @OptionGroup var modelOptions: ModelOptions
  @OptionGroup var galleryOptions: GalleryOptions
  @Option(help: "Pairs of words, a YAML file.", completion: .file()) var words = "configs/words/culture.yaml"
  @Option(help: "Pictures of each word.") var k = 10
  @Option(help: "Write the first pictures of each word to this PNG.") var sheet: String?
  @Option(help: "How many of them.") var shown = 6
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard k > 0, shown > 0 else { throw ValidationError("--k and --shown must be at least 1") }
  }

  func run() throws {
    Program.run { communicator in
      let (encoder, words) = try communicator.agree {
        (try modelOptions.encoder(), try WordPairs(contentsOf: self.words))
      }
      let gallery = try galleryOptions.gallery(encoder, communicator)
      guard communicator.isLeader else { return .done }
      let report = CultureReport(encoder, words, gallery, k: k)
      if let sheet { try report.sheet(shown: shown).write(to: sheet) }
      json ? print(report.json.text) : show(report)
      return .done
    }
  }

  private func show(_ report: CultureReport) {
    for entry in report.entries {
      print(String(format: "%5.1f %%  %@ · %@", 100 * entry.overlap, entry.pair.korean, entry.pair.english))
    }
    print(
      String(
        format: "%5.1f %%  mean overlap of the first %d pictures (chance %.1f %%)", 100 * report.meanOverlap,
        k,
        100 * report.chanceOverlap))
  }
}
