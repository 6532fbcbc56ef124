import ArgumentParser
import Basics
import Charts
import Collectives
import Evaluation
import Foundation
import Imaging
import ProgramEntry
import ShardStream
import Studies

/// `kelip eval zero-shot`: classification by the names of classes.
struct EvalZeroShot: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zero-shot",
    abstract: "Tell pictures apart by the names of their classes; under mpirun, too.",
    discussion: """
      The pictures come from one of --folders DIR (DIR/CLASS/PICTURE), --table FILE (columns image and label), \
      --cifar FILE.bin, or --data with --label-key. Without --classes the labels are the names. Equal scores go to the \
      class that comes first.
      """)

  @OptionGroup var modelOptions: ModelOptions
  @Option(help: "A folder with a folder of pictures a class.", completion: .directory) var folders: String?
  @Option(help: "A CSV or TSV file with columns image and label.", completion: .file()) var table: String?
  @Option(help: "A .bin file of CIFAR-10 or CIFAR-100.", completion: .file()) var cifar: String?
  @Option(parsing: .upToNextOption, help: "Shards whose metadata have the class.") var data: [String] = []
  @Option(help: "The metadata's key that has it.") var labelKey: String?
  @Option(help: "Names of the classes by language, a YAML file.", completion: .file()) var classes: String?
  @Option(parsing: .upToNextOption, help: "Languages of names and prompts.") var languages = ["ko", "en"]
  @Option(help: "The folder of LANGUAGE.txt with the prompts.", completion: .directory) var prompts =
    "configs/prompts"
  @Option(help: "Write the confusion matrix of each language: NAME.png becomes NAME-LANGUAGE.png.")
  var picture: String?
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    let sources = [folders != nil, table != nil, cifar != nil, !data.isEmpty].count { $0 }
    guard sources == 1 else { throw ValidationError("give one of --folders, --table, --cifar and --data") }
    guard data.isEmpty == (labelKey == nil) else {
      throw ValidationError("--data and --label-key go together")
    }
  }

  func run() throws {
    Program.run { communicator in
      let (encoder, pictures, list) = try communicator.agree { try inputs() }
      for language in languages {
        let classifier = try communicator.agree {
          ZeroShotClassifier(
            encoder, list, language: language, prompts: try PromptFile.read("\(prompts)/\(language).txt"))
        }
        let (report, skipped) = try classifier.report(
          on: pictures, threads: communicator.decodeThreads, communicator)
        guard communicator.isLeader else { continue }
        try tell(report, skipped, language)
      }
      return .done
    }
  }

  private func inputs() throws -> (any FeatureEncoder, any LabelledPictures, ClassList) {
    let encoder = try modelOptions.encoder()
    let pictures = try self.pictures(ImagePreparation(size: encoder.config.vision.imageSize))
    let labels = Set(pictures.labels).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    guard let classes else { return (encoder, pictures, ClassList(labels: labels, languages: languages)) }
    let list = try ClassList(contentsOf: classes, languages: languages)
    if let unknown = labels.first(where: { list.places[$0] == nil }) {
      throw KelipError("the pictures' class \(unknown) is not in the list", at: classes)
    }
    return (encoder, pictures, list)
  }

  private func pictures(_ preparation: ImagePreparation) throws -> any LabelledPictures {
    if let folders { return try PictureFiles(folderPerClass: folders) }
    if let table { return try PictureFiles(table: table) }
    if let cifar { return try CIFARPictures(cifar) }
    return try ShardPictures(data, key: labelKey!, preparation: preparation)
  }

  private func tell(_ report: ClassificationReport, _ skipped: [String: Int], _ language: String) throws {
    tellLeftOut(skipped)
    if let picture {
      let url = URL(fileURLWithPath: picture)
      let name = "\(url.deletingPathExtension().lastPathComponent)-\(language).\(url.pathExtension)"
      try report.confusionMap(title: "Zero-shot classification, prompts in \(language)").draw(
        font: ChartFont.open()
      )
      .writePNG(to: url.deletingLastPathComponent().appendingPathComponent(name))
    }
    if json {
      let head = JSONText.object([("language", .string(language))]).text
      return print("\(head.dropLast()), \(report.json.text.dropFirst())")
    }
    print(
      String(
        format:
          "%@: %d pictures of %d classes, top-1 %.1f %%, top-5 %.1f %%, mean per class %.1f %% (chance %.2f %%)",
        language, report.count, report.labels.count, 100 * report.top1, 100 * report.top5,
        100 * report.meanPerClass, 100 / Double(report.labels.count)))
  }
}
