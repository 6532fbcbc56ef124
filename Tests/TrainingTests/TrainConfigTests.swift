import Basics
import Configuration
import Foundation
import Testing
import TinyRun

@testable import Training

@Suite struct TrainConfigTests {
  private static let minimal = """
    run: {directory: out}
    model: {config: m.yaml}
    data: {train: shards, tokenizer: t.json, global_batch_size: 48}
    optimizer: {steps: 100}
    """

  private func config(_ overrides: String...) throws -> TrainConfig {
    let reader = try ConfigReader(yaml: Self.minimal, source: "run.yaml", overrides: overrides)
    return try TrainConfig(reader, relativeTo: URL(fileURLWithPath: "/absent"))
  }

  @Test func defaults() throws {
    let config = try config()
    #expect(config.runDirectory == "out" && config.seed == 0)
    #expect(
      config.modelPath == "m.yaml" && config.precision == .fp32 && config.initialWeights == InitialWeights())
    #expect(config.train == [TrainEntry(name: "all", shards: ["shards"])] && config.validationShards.isEmpty)
    #expect(config.canonicalStreams == 16 && config.shuffleWindow == 16384)
    #expect(config.decodeThreads == 1 && config.prefetchBatches == 2 && config.maxPixels == 25_000_000)
    #expect(config.augmentation == AugmentationSettings(scale: 0.9...1, ratio: 0.75...(4.0 / 3), flip: 0))
    #expect(config.crops == [CropSettings(name: "image", augmentation: config.augmentation)])
    #expect(config.tileRows == 256 && config.tileColumns == 1024 && config.maxLogitScale == 100)
    #expect(config.schedule == .init(lr: 5e-4, warmup: 10, steps: 100))
    #expect(config.optimizer == .init(kind: .adamW, beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.2))
    #expect(config.gradClipNorm == nil && config.parallel == ParallelSettings())
    #expect(
      config.checkpoint.everySteps == 1000 && config.checkpoint.everyMinutes == nil && !config.log.sampleKeys)
  }

  @Test(arguments: [
    "run.directory", "model.config", "data.train", "data.tokenizer", "data.global_batch_size",
    "optimizer.steps",
  ])
  func whatHasNoDefaultMustBeGiven(key: String) throws {
    for value in ["", "~"] {
      let error = #expect(throws: KelipError.self) { try config("\(key)=\(value)") }
      #expect(error?.location == "run.yaml: \(key)")
    }
    let (section, name) = (key.split(separator: ".")[0], key.split(separator: ".")[1])
    let lines = Self.minimal.split(separator: "\n").map { line -> String in
      guard line.hasPrefix("\(section):") else { return String(line) }
      return line.replacingOccurrences(of: "\(name): ", with: "other_\(name): ")
    }
    let error = #expect(throws: KelipError.self) {
      try TrainConfig(
        ConfigReader(yaml: lines.joined(separator: "\n"), source: "run.yaml"),
        relativeTo: URL(fileURLWithPath: "/"))
    }
    #expect(error?.location == "run.yaml: \(key)" && error?.message == "missing")
  }

  @Test(arguments: [
    "run.seed=-1", "model.precision=fp16", "data.global_batch_size=0", "data.decode_threads=-1",
    "data.read_retry_seconds=-1", "data.zstd_cache_megabytes=-1",
    "data.prefetch_batches=0", "data.canonical_streams=0", "data.shuffle_window=0", "data.max_pixels=0",
    "augmentation.train=colour", "augmentation.scale=[0, 1]", "augmentation.scale=[0.5, 1.5]",
    "augmentation.ratio=[0, 1]", "augmentation.ratio=[2, 1]", "augmentation.flip=1.5",
    "objective.tile_rows=0",
    "objective.tile_columns=0", "objective.max_logit_scale=0", "optimizer.steps=0", "optimizer.lr=-1",
    "optimizer.lr=.nan", "optimizer.warmup=-1", "optimizer.beta1=1", "optimizer.beta2=-0.1",
    "optimizer.eps=2",
    "optimizer.weight_decay=-1", "optimizer.kind=sgd", "optimizer.schedule=linear",
    "optimizer.t_max_epochs=0",
    "optimizer.t_max_epochs=3", "optimizer.min_lr=-1", "optimizer.min_lr=1", "optimizer.grad_clip_norm=0",
    "optimizer.grad_clip_norm=-1",
    "parallel.threads_per_rank=0", "parallel.bucket_megabytes=0", "checkpoint.every_steps=0",
    "checkpoint.keep_last=0", "log.sample_keys=5", "log.sample_keys=maybe",
  ])
  func valuesOutsideTheirLimitsNameTheKey(override: String) {
    let error = #expect(throws: KelipError.self) { try config(override) }
    #expect(error?.location == "run.yaml: \(override.split(separator: "=")[0])")
    #expect(error?.exitCode == .badInput)
  }

  @Test func theBriefsOptimizer() throws {
    let config = try config(
      "optimizer.kind=adam", "optimizer.schedule=cosine_annealing", "optimizer.lr=1e-4",
      "optimizer.t_max_epochs=100")
    #expect(config.optimizer == .init(kind: .adam))
    #expect(
      config.schedule.schedule(stepsPerEpoch: 2.5)
        == .cosineAnnealing(lr: 1e-4, tMaxEpochs: 100, stepsPerEpoch: 2.5))
  }

  @Test func annealingLastsTheWholeRunUnlessTold() throws {
    let config = try config("optimizer.schedule=cosine_annealing", "optimizer.min_lr=1e-6")
    #expect(
      config.schedule.schedule(stepsPerEpoch: 25)
        == .cosineAnnealing(lr: 5e-4, tMaxEpochs: 4, stepsPerEpoch: 25, minLR: 1e-6))
  }

  @Test func aConstantRateHasTheUsualWarmup() throws {
    let config = try config("optimizer.schedule=constant")
    #expect(config.schedule.schedule(stepsPerEpoch: 7) == .constant(lr: 5e-4, warmup: 10))
  }

  @Test func unknownKeysNameTheNearest() {
    let error = #expect(throws: KelipError.self) { try config("optimizer.learning_rate=1") }
    #expect(error?.location == "run.yaml: optimizer.learning_rate" && error?.message == "unknown key")
    let typo = #expect(throws: KelipError.self) { try config("checkpoint.every_step=1") }
    #expect(typo?.hint == "did you mean checkpoint.every_steps?")
  }

  @Test func streamsFollowTheBatchSize() throws {
    #expect(try config("data.global_batch_size=7").canonicalStreams == 7)
    #expect(try config("data.global_batch_size=13").canonicalStreams == 13)
    #expect(try config("data.global_batch_size=34").canonicalStreams == 2)
  }

  @Test func theResolvedConfigReadsBackAsItself() throws {
    let first = try config(
      "data.train=[\"a b\", \"그림: #1\"]", "optimizer.eps=1e-7", "optimizer.lr=1e-05",
      "augmentation.scale=[0.25, 1]",
      "model.init_from=w.safetensors", "log.sample_keys=yes")
    let yaml = ResolvedConfig.yaml(first.resolved)
    let second = try TrainConfig(
      ConfigReader(yaml: yaml, source: "config.yaml"), relativeTo: URL(fileURLWithPath: "/absent"))
    #expect(ResolvedConfig.yaml(second.resolved) == yaml)
    #expect(
      second.train.map(\.shards) == [["a b", "그림: #1"]] && second.schedule.lr == 1e-5
        && second.optimizer.eps == 1e-7)
    #expect(
      second.gradClipNorm == nil && second.initialWeights.model == "w.safetensors" && second.log.sampleKeys)
    #expect(try ResolvedConfig.differences(saved: yaml, now: second.resolved).isEmpty)
  }

  @Test func aMixtureIsAListOfEntries() throws {
    let config = try config(
      "data.train=[{shards: a, weight: 708, language: ko}, {shards: [a, 'b/*.tar'], weight: 4.5, language: en, "
        + "name: latin}, {shards: c/x.tar, weight: 1}, {shards: d/x.tar, weight: 1}]")
    #expect(
      config.train == [
        TrainEntry(name: "ko", shards: ["a"], weight: 708, language: .korean),
        TrainEntry(name: "latin", shards: ["a", "b/*.tar"], weight: 4.5, language: .english),
        TrainEntry(name: "c/x.tar", shards: ["c/x.tar"], weight: 1),
        TrainEntry(name: "d/x.tar", shards: ["d/x.tar"], weight: 1),
      ])
    let yaml = ResolvedConfig.yaml(config.resolved)
    let second = try TrainConfig(
      ConfigReader(yaml: yaml, source: "config.yaml"), relativeTo: URL(fileURLWithPath: "/absent"))
    #expect(second.train == config.train && ResolvedConfig.yaml(second.resolved) == yaml)
  }

  @Test(arguments: [
    ("{shards: a, wieght: 1}", "data.train[2]: wieght", "unknown key", "did you mean weight?"),
    (
      "{weight: 1}", "data.train[2]: shards", "missing",
      "this key has no default: give a text or a list of texts"
    ),
    ("{shards: a, weight: 0}", "data.train[2]: weight", "must be from 1e-06 to 1000000000000.0, is 0.0", nil),
    (
      "{shards: a, weight: -3}", "data.train[2]: weight", "must be from 1e-06 to 1000000000000.0, is -3.0",
      nil
    ),
    ("{shards: a, weight: much}", "data.train[2]: weight", "expected a number, found \"much\"", nil),
    (
      "{shards: a, weight: 1, language: kr}", "data.train[2]: language", "unknown value \"kr\"",
      "one of: ko, en, other"
    ),
    (
      "{shards: a, weight: 1, name: first}", "data.train[2]: name", "another entry is named \"first\" too",
      nil
    ),
    (
      "{shards: a}", "data.train", "some entries have a weight and some have none",
      "give every entry a weight, or none"
    ),
    (
      "plain.tar", "data.train[2]", "expected a mapping, found \"plain.tar\"",
      nil
    ),
  ])
  func entriesWithMistakesAreRefused(entry: String, place: String, message: String, hint: String?) {
    let error = #expect(throws: KelipError.self) {
      try config("data.train=[{shards: z, weight: 2, name: first}, \(entry)]")
    }
    #expect(error?.location == "run.yaml: \(place)" && error?.message == message && error?.hint == hint)
  }

  @Test func weightsKeepTheirProportion() {
    #expect(WholeWeights.from([708, 476]) == [177, 119])
    #expect(WholeWeights.from([0.6, 0.4]) == [3, 2])
    #expect(WholeWeights.from([1e-6, 1e12]) == [1, 1_000_000_000_000_000_000])
    #expect(WholeWeights.from([5]) == [1])
  }

  @Test func onlyWhatChangesTheRunIsADifference() throws {
    let saved = ResolvedConfig.yaml(try config().resolved)
    func differences(_ override: String) throws -> [String] {
      try ResolvedConfig.differences(saved: saved, now: config(override).resolved)
    }
    #expect(try differences("optimizer.lr=1e-3") == ["optimizer.lr: 0.0005 → 0.001"])
    #expect(try differences("optimizer.lr=0.0005") == [])
    #expect(try differences("data.train=[a, b]") == ["data.train: [\"shards\"] → [\"a\", \"b\"]"])
    for free in [
      "run.directory=x", "data.decode_threads=3", "data.prefetch_batches=5", "data.validation=v",
      "data.read_retry_seconds=5", "data.zstd_cache_megabytes=64",
      "parallel.bucket_megabytes=1", "checkpoint.every_steps=5", "log.sample_keys=true",
    ] { #expect(try differences(free) == []) }
    let fewer = saved.split(separator: "\n").filter { !$0.contains("warmup:") }.joined(separator: "\n")
    #expect(
      try ResolvedConfig.differences(saved: fewer, now: config().resolved) == [
        "optimizer.warmup: (none) → 10"
      ])
    #expect(throws: KelipError.self) { try ResolvedConfig.differences(saved: "no colon", now: []) }
  }

  @Test func filesThatCannotBeReadAreNamed() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let missing = #expect(throws: KelipError.self) { try TrainConfig(contentsOf: tiny.path("absent.yaml")) }
    #expect(missing?.location == tiny.path("absent.yaml"))
    try Data([0x61, 0x3A, 0xFF, 0xFE]).write(to: tiny.url("latin.yaml"))
    let notText = #expect(throws: KelipError.self) { try TrainConfig(contentsOf: tiny.path("latin.yaml")) }
    #expect(notText?.location == tiny.path("latin.yaml"))
    let folder = #expect(throws: KelipError.self) { try TrainConfig(contentsOf: tiny.folder.path) }
    #expect(folder?.message.hasPrefix("cannot read the configuration") == true)
  }

  @Test func pathsAreFoundBesideTheConfiguration() throws {
    let tiny = try TinyRun(sampleCount: 3)
    try Data(Self.minimal.replacingOccurrences(of: "m.yaml", with: "model.yaml").utf8).write(
      to: tiny.url("run.yaml"))
    #expect(try TrainConfig(contentsOf: tiny.path("run.yaml")).modelPath == tiny.modelPath)
  }
}
