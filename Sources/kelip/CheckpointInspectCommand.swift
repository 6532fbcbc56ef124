import ArgumentParser
import Basics
import Checkpointing
import Foundation
import Towers
import Training

struct CheckpointInspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Say what a weight file or a checkpoint holds.",
    discussion: """
      With --model, every tensor that is missing, surplus or of another shape is listed, and the exit status is 1 where \
      there is one.
      """)

  @Argument(help: "A safetensors file, a checkpoint or an exported folder.", completion: .file()) var file:
    String
  @OptionGroup var formatOptions: WeightFormatOptions
  @Option(help: "Model file to compare with.", completion: .file()) var model: String?
  @Flag(help: "List every tensor: its name here, type and shape.") var tensors = false
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let url = URL(fileURLWithPath: file)
    let weights = try NamedWeights(url, as: formatOptions.map())
    var fields = try runFields(url) + weightFields(weights)
    if tensors {
      let listed = weights.tensors.sorted { $0.key < $1.key }.map { ($0.key, describe($0.value)) }
      fields += json ? [("tensors", .object(listed))] : listed
    }
    printFields(fields, json: json)
    guard let model else { return }
    let parameters = DualEncoder<Float>.declaredParameters(of: try ModelFile.load(model))
    try printFit(WeightFit(weights, parameters, WeightScope(usualFor: weights.map)))
  }

  /// Where the run stood, of a checkpoint's folder.
  private func runFields(_ url: URL) throws -> [(String, JSONText)] {
    let manifest = url.appendingPathComponent(CheckpointManifest.fileName)
    guard FileManager.default.fileExists(atPath: manifest.path) else { return [] }
    let state = try RunCheckpoint.state(url)
    return [
      ("step", .integer(state.step)), ("samples_seen", .integer(state.samplesSeen)),
      ("world_size", .integer(state.worldSize)),
    ]
  }

  private func weightFields(_ weights: NamedWeights) -> [(String, JSONText)] {
    let specs = weights.reader.tensors
    let types = Dictionary(grouping: specs, by: \.type).sorted { $0.key.rawValue < $1.key.rawValue }
    return [
      ("format", .string(weights.map.format)), ("tensor_count", .integer(specs.count)),
      ("numbers", .integer(specs.reduce(0) { $0 + $1.elementCount })),
      ("bytes", .integer(specs.reduce(0) { $0 + $1.byteCount })),
    ] + types.map { ("\($0.key.rawValue)_tensors", .integer($0.value.count)) } + [
      ("ignored", .array(weights.ignored.map(JSONText.string))),
      ("unknown", .array(weights.unknown.map(JSONText.string))),
    ]
  }

  private func describe(_ spec: TensorSpec) -> JSONText {
    .array([.string(spec.type.rawValue), .array(spec.shape.map(JSONText.integer))])
  }
}

struct CheckpointVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check that a checkpoint, or a weight file, is whole and finite.",
    discussion: """
      A checkpoint's folder: every byte against the digests of its manifest. Then, and of a single file, that every \
      number of the weights is finite. Exit status: 0 sound, 1 not, 2 bad usage.
      """)

  @Argument(help: "A checkpoint's folder, or a safetensors file.", completion: .file()) var file: String

  func run() throws {
    let url = URL(fileURLWithPath: file)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw KelipError("there is no such file or folder", at: file)
    }
    do {
      var weights = url
      if isFolder.boolValue {
        let manifest = try CheckpointDirectory.verify(url)
        print("\(file): step \(manifest.step), \(manifest.files.count) files as they were written")
        weights = url.appendingPathComponent("model.safetensors")
      }
      print("\(weights.path): \(try checkFinite(SafetensorsReader(weights))) numbers, all finite")
    } catch var error as KelipError {
      error.exitCode = .checkFailed
      throw error
    }
  }

  private func checkFinite(_ reader: SafetensorsReader) throws -> Int {
    var count = 0
    for spec in reader.tensors where spec.type.isFloatingPoint {
      guard try reader.floats(named: spec.name).allSatisfy(\.isFinite) else {
        throw KelipError("tensor \(spec.name) holds numbers that are not finite", at: reader.url.path)
      }
      count += spec.elementCount
    }
    return count
  }
}
