import ArgumentParser
import Basics
import Checkpointing
import Foundation
import Training

/// `kelip checkpoint`: weights in and out.
struct CheckpointCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Look at weights, check them, and bring them in and out.",
    discussion: "Weights are safetensors. Formats that are known: \(NameMap.formats).",
    subcommands: [
      CheckpointInspect.self, CheckpointVerify.self, CheckpointImport.self, CheckpointExport.self,
    ])
}

/// The number format of weights in a file.
enum WeightPrecision: String, ExpressibleByArgument, CaseIterable {
  case keep, fp32, fp16, bf16

  /// Nil to keep each tensor's own.
  var type: TensorType? {
    switch self {
    case .keep: nil
    case .fp32: .float32
    case .fp16: .float16
    case .bf16: .bfloat16
    }
  }
}

extension ExportFormat: ExpressibleByArgument {}

/// Which kind of file a command reads.
struct WeightFormatOptions: ParsableArguments {
  @Option(help: "\(NameMap.formats); without it the file's names tell.") var format: String?

  func map() throws -> NameMap? { try format.map(NameMap.named) }
}

struct CheckpointExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a model as a folder that another library opens.",
    discussion: """
      open_clip: for open_clip.create_model_and_transforms("local-dir:FOLDER"). kelip: for KELIP's own class, \
      KelipModel.from_pretrained(FOLDER). huggingface-bert: the text tower, for BertModel.from_pretrained(FOLDER). \
      torchvision-resnet50: the image tower's weights, for torchvision.models.resnet50(num_classes=D).
      """)

  @OptionGroup var modelOptions: ModelOptions
  @Option(help: "The library: \(ExportFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var format: ExportFormat = .openCLIP
  @Option(name: .customLong("as"), help: "Number format of the weights: keep, fp32, fp16 or bf16.")
  var type: WeightPrecision = .keep
  @Option(help: "The folder to write; it must not be there, or be empty.", completion: .directory)
  var out: String

  func run() throws {
    let export = try modelOptions.export()
    let folder = URL(fileURLWithPath: out, isDirectory: true)
    let report = try export.write(format, type: type.type, to: folder)
    print(
      "\(out): \(report.tensorCount) tensors for \(format.rawValue) in \(report.files.joined(separator: ", "))"
    )
    for name in report.leftOut { print("  left out, \(format.rawValue) has no place for it: \(name)") }
  }
}
