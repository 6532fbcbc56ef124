import Foundation
import RunService
import Testing

@testable import LivePage

@Suite struct PrometheusTests {
  private struct Sample: Equatable {
    var name: String
    var labels: [String: String]
    var value: Double
  }

  /// Reads the text format: samples only after the HELP and TYPE of their name, each name in one place.
  private func parsed(_ text: String) throws -> [Sample] {
    #expect(text.hasSuffix("\n"))
    var (samples, types, current): ([Sample], Set<String>, String) = ([], [], "")
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# HELP ") {
        current = String(line.split(separator: " ")[2])
        #expect(types.insert(current).inserted, "\(current) twice")
      } else if line.hasPrefix("# TYPE ") {
        let words = line.split(separator: " ")
        #expect(words[2] == current && ["gauge", "counter"].contains(words[3]))
      } else {
        let match = try #require(
          line.wholeMatch(of: /([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})? ([^ ]+)/), "\(line)")
        #expect(match.1 == current)
        let labels = (match.2 ?? "").split(separator: ",").map { pair in
          (String(pair.prefix { $0 != "=" }), String(pair.drop { $0 != "\"" }.dropFirst().dropLast()))
        }
        let value = match.3 == "+Inf" ? Double.infinity : Double(match.3)
        samples.append(
          Sample(
            name: current, labels: Dictionary(uniqueKeysWithValues: labels), value: try #require(value)))
      }
    }
    return samples
  }

  @Test func anEmptyRunHasTextToo() throws {
    let samples = try parsed(PrometheusText.text(RunStatus().snapshot))
    #expect(samples.contains(Sample(name: "kelip_step", labels: [:], value: 0)))
  }

  @Test func numbersOfARun() throws {
    let status = RunStatus()
    status.begin(
      RunFacts(
        name: "secret name", directory: "/secret", model: "secret", rankCount: 2, hosts: ["secret"],
        globalBatchSize: 64, totalSteps: 100, stages: ["secret"], startTime: 5, resumedAtStep: 3))
    let values = [
      ("loss", 0.25), ("contrastive_loss_top-left", 2.0), ("contrastive_loss_top_left", 3.0), ("그림", 1.0),
      ("step", 77.0), ("grad_norm", .infinity),
    ]
    let times = RankTimes(dataSeconds: 0.1, computeSeconds: 1, communicationSeconds: 0.2)
    status.add(step: 4, values: values, ranks: [times, times])
    status.note(CheckpointEvent(step: 4, seconds: 2, stallSeconds: 0.5, failure: nil))
    status.note(CheckpointEvent(step: 5, seconds: 2, stallSeconds: 0.5, failure: "secret"))
    status.note(incident: "secret", step: 4, level: .error)
    let text = PrometheusText.text(status.snapshot)
    #expect(!text.contains("secret"))
    let samples = try parsed(text)
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
      samples.first { $0.name == name && $0.labels == labels }?.value
    }
    #expect(value("kelip_step") == 4 && value("kelip_loss") == 0.25 && value("kelip_total_steps") == 100)
    #expect(value("kelip_contrastive_loss_top_left") == 2 && value("kelip_grad_norm") == .infinity)
    #expect(value("kelip_checkpoints_total", ["result": "failed"]) == 1)
    #expect(value("kelip_checkpoint_step") == 4 && value("kelip_incidents_total", ["level": "error"]) == 1)
    #expect(value("kelip_rank_seconds", ["rank": "1", "part": "compute"]) == 1)
    #expect(samples.filter { $0.name == "kelip_rank_seconds" }.count == 6)
  }
}
