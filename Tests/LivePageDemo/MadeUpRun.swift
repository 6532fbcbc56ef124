import Foundation

/// Numbers that look like a training run's, the same at every start.
struct MadeUpRun {
  let rankCount: Int
  private var state: UInt64 = 17

  init(rankCount: Int) { self.rankCount = rankCount }

  /// Uniform in -1…1.
  private mutating func noise() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 33) / Double(1 << 30) - 1
  }

  struct Step {
    var values: [(name: String, value: Double)]
    var ranks: [(data: Double, compute: Double, communication: Double)]
  }

  mutating func step(_ number: Int, of total: Int) -> Step {
    let ranks = (0..<rankCount).map { rank in
      let slow = rank == 7 % rankCount ? 0.11 : rank % 37 == 5 ? 0.05 : 0.0
      return (
        data: 0.02 + 0.015 * abs(noise()), compute: 0.82 + slow + 0.02 * noise(),
        communication: max(0.01, 0.14 - slow + 0.02 * noise())
      )
    }
    let progress = Double(number) / Double(total)
    let warmth = min(1, Double(number) / 200)
    let korean = 1.1 + 3.1 * exp(-Double(number) / 900) + 0.12 * noise()
    let english = 0.8 + 3.3 * exp(-Double(number) / 700) + 0.12 * noise()
    let seconds = ranks.map { $0.data + $0.compute + $0.communication }.max()! + 0.01
    let busy = ranks.map { $0.data + $0.compute }
    return Step(
      values: [
        ("epoch", Double(number / 150)), ("samples_seen", Double(number * 4096)),
        ("loss", 0.9 * (korean + english) / 2 + 0.1 * (0.4 + 0.5 * exp(-Double(number) / 400))),
        ("contrastive_loss", (korean + english) / 2), ("contrastive_loss_ko", korean),
        ("contrastive_loss_en", english),
        ("masked_image_loss", 0.4 + 0.5 * exp(-Double(number) / 400) + 0.01 * noise()),
        ("logit_scale", 14.3 + 60 * progress), ("lr", 5e-4 * warmth * (0.5 + 0.5 * cos(.pi * progress))),
        ("grad_norm", number % 613 == 0 ? 9 : 0.6 + 0.5 * exp(-Double(number) / 300) + 0.1 * noise()),
        ("updated", number % 613 == 0 ? 0 : 1), ("samples_per_second", 4096 / seconds),
        ("step_seconds", seconds), ("data_seconds", ranks.map(\.data).max()!),
        ("compute_seconds", ranks.map(\.compute).max()!),
        ("communication_seconds", ranks.map(\.communication).max()!),
        ("skipped_samples", number % 97 == 0 ? 3 : 0), ("rank_skew_seconds", busy.max()! - busy.min()!),
      ], ranks: ranks)
  }
}
