import Basics
import Checkpointing
import Collectives
import Foundation
import Kernels
import Optimization
import Testing
import TestSupport
import TinyRun
import Tokenization
import Towers

@testable import Training

/// A model and its optimizer, all of them filled with seeded numbers.
struct SmallModel<S: ComputeScalar> {
  let model: DualEncoder<S>
  let optimizer: Optimizer

  init(seed: UInt64, settings: OptimizerSettings = OptimizerSettings(), randomMoments: Bool = false) throws {
    model = try DualEncoder<S>(try ModelFile.parse(TinyRun.model, source: "model"))
    optimizer = Optimizer(model.parameters, settings: settings)
    model.parameters.initialise(seed: seed)
    guard randomMoments else { return }
    for (offset, block) in [model.parameters.values, optimizer.m, optimizer.v].enumerated() {
      let values = seededFloats(block.count, seed: seed + UInt64(offset))
      for parameter in model.parameters.parameters {
        for i in parameter.offset..<parameter.end { block[i] = values[i] }
      }
    }
  }

  /// Bits of parameters and both moments, parameter by parameter.
  var bits: [[UInt32]] {
    model.parameters.parameters.flatMap { parameter in
      [model.parameters.values, optimizer.m, optimizer.v].map { block in
        block[parameter.offset..<parameter.end].map(\.bitPattern)
      }
    }
  }
}

/// What a finished run left behind.
struct FinishedRun {
  let folder: URL
  let metrics: [[String: Any]]
  let keys: [[String]]

  init(_ folder: URL) throws {
    self.folder = folder
    metrics = try Self.lines(folder.appendingPathComponent("metrics.jsonl"))
    keys = try Self.lines(folder.appendingPathComponent("samples.jsonl")).map {
      $0["keys"] as? [String] ?? []
    }
  }

  var steps: [Int] { metrics.compactMap { $0["step"] as? Int } }
  func values(_ key: String) -> [Double] { metrics.compactMap { ($0[key] as? NSNumber)?.doubleValue } }

  /// Every line of metrics as text, without what depends on the clock.
  var comparableMetrics: [String] {
    metrics.map { line in
      line.filter { !$0.key.hasSuffix("_seconds") && $0.key != "samples_per_second" }
        .map { "\($0.key): \($0.value)" }.sorted().joined(separator: ", ")
    }
  }

  func weights(step: Int) throws -> Data { try file("model.safetensors", step: step) }
  /// Of all ranks, in their order.
  func moments(step: Int) throws -> [Data] {
    let names = try FileManager.default.contentsOfDirectory(atPath: checkpoint(step, in: folder).path)
    return try names.filter { $0.hasPrefix("optimizer-") }.sorted().map { try file($0, step: step) }
  }

  private func file(_ name: String, step: Int) throws -> Data {
    try Data(contentsOf: checkpoint(step, in: folder).appendingPathComponent(name))
  }

  private static func lines(_ url: URL) throws -> [[String: Any]] {
    try String(contentsOf: url, encoding: .utf8).split(separator: "\n").compactMap {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }
}

func checkpoint(_ step: Int, in run: URL) -> URL {
  run.appendingPathComponent(
    "checkpoints/step-\(String(repeating: "0", count: 8 - String(step).count))\(step)")
}

extension TinyRun {
  /// Trains run `name` on `worldSize` threads (alone for nil) and returns the exit codes of the ranks.
  @discardableResult
  func train(
    _ name: String, _ overrides: String..., worldSize: Int? = nil, resume: WorkerOptions.Resume = .auto,
    acceptConfigChange: Bool = false, dryRun: Bool = false
  ) throws -> [ExitCode] {
    let options = WorkerOptions(
      configPath: try writeConfig(name), overrides: overrides, resume: resume,
      acceptConfigChange: acceptConfigChange,
      dryRun: dryRun)
    guard let worldSize else { return [try Worker.run(options, SoloCommunicator())] }
    return try ThreadedCommunicator.run(worldSize: worldSize) { try Worker.run(options, $0) }
  }

  func finished(_ name: String) throws -> FinishedRun { try FinishedRun(url(name)) }
}

/// A weight file of the small model with a NaN in it.
struct NaNWeights {
  let path: String

  init(_ url: URL) throws {
    path = url.path
    let small = try SmallModel<Float>(seed: 1)
    let parameters = small.model.parameters.parameters
    parameters[3].value.pointee = .nan
    let writer = try SafetensorsWriter(
      url, tensors: parameters.map { TensorSpec($0.name, .float32, $0.shape) })
    for parameter in parameters {
      try writer.append(UnsafeBufferPointer(start: parameter.value, count: parameter.count))
    }
    try writer.finish()
  }
}

/// Saves and waits, as a run does at its end; all ranks call it.
func saveCheckpoint(
  _ state: RunState, _ parameters: ParameterArena, _ optimizer: Optimizer, model: ModelConfig,
  _ tokenizer: any Tokenizer, in directory: CheckpointDirectory,
  _ communicator: any Communicator = SoloCommunicator()
) throws {
  let snapshot = try CheckpointSnapshot(parameters, optimizer, model: model, tokenizer, communicator)
  let saver = CheckpointSaver(snapshot, directory, token: "test", communicator)
  saver.begin(state)
  if let failure = try saver.finish()?.failure { throw KelipError(failure) }
}
