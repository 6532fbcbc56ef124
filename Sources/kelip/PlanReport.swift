import Basics
import Charts
import Foundation
import Planning
import Training

/// What `kelip plan` tells.
struct PlanReport {
  /// One stage of the run.
  private struct Stage {
    let name: String
    let steps: Int
    let prediction: StepPrediction
    let curves: [ScalingCurve]

    var seconds: Double { Double(steps) * prediction.step.stepSeconds }
  }

  private let cluster: Cluster
  private let calibration: Calibration.Found
  private let threadsPerRank: Int
  private let stages: [Stage]

  init(
    _ config: TrainConfig, _ measured: StepModelFile, _ cluster: Cluster, calibration: Calibration.Found,
    computeScale: Double
  ) {
    (self.cluster, self.calibration) = (cluster, calibration)
    threadsPerRank = config.threadsPerRank
    stages = zip(config.stageSettings, measured.stages).map { settings, stage in
      var predictor = stage.predictor
      predictor.model = predictor.model.scaled(by: computeScale)
      let batch = Double(settings.globalBatchSize) / Double(cluster.worldSize)
      return Stage(
        name: stage.name, steps: settings.steps,
        prediction: predictor.predict(cluster, batchPerRank: batch),
        curves: [.sameBatchPerRank, .sameGlobalBatch].map {
          ScalingCurve($0, predictor, cluster, batchPerRank: batch)
        })
    }
  }

  private var seconds: Double { stages.reduce(0) { $0 + $1.seconds } }
  private var coreHours: Double { seconds / 3600 * Double(cluster.worldSize * threadsPerRank) }

  // MARK: JSON

  var json: JSONText {
    .object([
      ("nodes", .integer(cluster.nodes)), ("ranks_per_node", .integer(cluster.ranksPerNode)),
      ("ranks", .integer(cluster.worldSize)), ("cores_per_rank", .integer(threadsPerRank)),
      ("network", Self.json(cluster.network)), ("memory_link", Self.json(cluster.memory)),
      ("message_seconds", .number(cluster.messageSeconds)),
      ("hidden_rate", .number(cluster.overlap.hiddenRate)),
      ("stolen_seconds_per_byte", .number(cluster.overlap.stolenSecondsPerByte)),
      ("network_efficiency", calibration.efficiency.map(JSONText.number) ?? .null),
      ("stages", .array(stages.map(json))), ("hours", .number(seconds / 3600)),
      ("core_hours", .number(coreHours)),
    ])
  }

  private static func json(_ link: Link) -> JSONText {
    .object([
      ("latency_us", .number(link.latencySeconds * 1e6)),
      ("gigabits_per_second", .number(link.bytesPerSecond * 8 / 1e9)),
    ])
  }

  private func json(_ stage: Stage) -> JSONText {
    let memory = stage.prediction.memory
    return .object(
      [("stage", .string(stage.name)), ("steps", .integer(stage.steps))] + Self.fields(stage.prediction) + [
        ("memory_bytes_per_rank", .number(memory.bytes)),
        ("parameter_bytes_per_rank", .number(memory.parameterBytes)),
        ("activation_bytes_per_rank", .number(memory.activationBytes)),
        ("hours", .number(stage.seconds / 3600)),
        ("core_hours", .number(stage.seconds / 3600 * Double(cluster.worldSize * threadsPerRank))),
        ("scaling", .object(stage.curves.map { ($0.kind.rawValue, .array($0.points.map(Self.json))) })),
      ])
  }

  private static func json(_ point: ScalingCurve.Point) -> JSONText {
    .object(
      [("nodes", .integer(point.prediction.cluster.nodes)), ("efficiency", .number(point.efficiency))]
        + fields(point.prediction) + [
          ("memory_bytes_per_rank", .number(point.prediction.memory.bytes))
        ])
  }

  private static func fields(_ prediction: StepPrediction) -> [(String, JSONText)] {
    let step = prediction.step
    return [
      ("batch_per_rank", .number(prediction.batchPerRank)), ("global_batch", .number(prediction.globalBatch)),
      ("step_seconds", .number(step.stepSeconds)), ("compute_seconds", .number(step.computeSeconds)),
      ("stolen_seconds", .number(step.stolenSeconds)),
      ("communication_seconds", .number(step.exposedSeconds)),
      ("blocking_seconds", .number(step.blockingSeconds)),
      ("hidden_communication_seconds", .number(step.hiddenSeconds)),
      ("samples_per_second", .number(prediction.pairsPerSecond)),
    ]
  }

  // MARK: Text

  func show() {
    print(
      "\(cluster.nodes) × \(cluster.ranksPerNode) ranks, \(calibration.networkSource) "
        + "\(Text.number(cluster.network.bytesPerSecond * 8 / 1e9, 2)) Gbit/s and "
        + "\(Text.number(cluster.network.latencySeconds * 1e6, 1)) µs between machines, \(calibration.memorySource) "
        + "\(Text.number(cluster.memory.bytesPerSecond / 1e9, 2)) GB/s within")
    stages.forEach(show)
    print(
      "the run: \(Text.duration(seconds)), \(Int(coreHours.rounded()).digitGrouped) core-hours; "
        + "checkpoints, and data that does not keep up, come on top")
  }

  private func show(_ stage: Stage) {
    let (prediction, step, memory) = (stage.prediction, stage.prediction.step, stage.prediction.memory)
    func gigabytes(_ bytes: Double) -> String { Text.number(bytes / 1e9, 2) + " GB" }
    print(
      """

      stage \(stage.name): \(stage.steps.digitGrouped) steps of \(Int(prediction.globalBatch.rounded()).digitGrouped) \
      pairs, \(Text.number(prediction.batchPerRank, prediction.batchPerRank.rounded() == prediction.batchPerRank ? 0 : 1)) a rank
        step            \(Text.number(step.stepSeconds, 3)) s
          compute       \(Text.number(step.computeSeconds, 3)) s, and \(Text.number(step.stolenSeconds, 3)) s lost to \
      communication in the background
          exposed       \(Text.number(step.exposedSeconds, 3)) s of communication, \
      \(Text.number(step.blockingSeconds, 3)) s of it that nothing can hide
          hidden        \(Text.number(step.hiddenSeconds, 3)) s of communication
        throughput      \(Int(prediction.pairsPerSecond.rounded()).digitGrouped) pairs/s
        memory          \(gigabytes(memory.bytes)) a rank: \(gigabytes(memory.parameterBytes)) that stay, \
      \(gigabytes(memory.activationBytes)) of activations
        stage           \(Text.duration(stage.seconds))
      """)
    stage.curves.forEach(show)
  }

  private func show(_ curve: ScalingCurve) {
    print(
      "  \(curve.label):\n"
        + "    nodes  batch/rank   step s  exposed s        pairs/s  efficiency  GB/rank")
    for point in curve.points {
      let prediction = point.prediction
      print(
        "  " + Text.right(prediction.cluster.nodes.digitGrouped, 7)
          + Text.right(Text.number(prediction.batchPerRank, 1), 12)
          + Text.right(Text.number(prediction.step.stepSeconds, 3), 9)
          + Text.right(Text.number(prediction.step.exposedSeconds, 3), 11)
          + Text.right(Int(prediction.pairsPerSecond.rounded()).digitGrouped, 15)
          + Text.right(Text.number(100 * point.efficiency, 1) + " %", 12)
          + Text.right(Text.number(prediction.memory.bytes / 1e9, 2), 9))
    }
  }

  // MARK: Picture

  /// Of the last stage, which trains longest and communicates most.
  func draw(to url: URL, config: String) throws {
    guard let stage = stages.last else { return }
    let chart = ScalingChart(
      title: "\(URL(fileURLWithPath: config).lastPathComponent), stage \(stage.name): predicted scaling",
      subtitle:
        "\(cluster.ranksPerNode) ranks a node, \(Text.number(stage.prediction.batchPerRank, 0)) pairs a rank at "
        + "\(cluster.nodes) nodes, "
        + "\(Text.number(cluster.network.bytesPerSecond * 8 / 1e9, 1)) Gbit/s, "
        + "\(Text.number(cluster.network.latencySeconds * 1e6, 0)) microseconds",
      curves: stage.curves)
    try chart.sheet.draw(font: ChartFont.open()).writePNG(to: url)
  }
}
