import Basics
import Collectives
import Foundation
import ShardStream
import Testing
import TestSupport
import TinyRun

@testable import Training

@Suite struct MultiCropTests {
  private static let crops = """
    augmentation.crops=[{name: global, count: 2, scale: [0.4, 1]}, {name: local, size: 8, resize_to: 16, count: 3, \
    scale: [0.05, 0.4], flip: 0.5, colour_jitter: [0.4, 0.4, 0.4, 0.1], grey: 0.2}, {name: small, size: 8}]
    """

  @Test func everyGroupHasItsLoss() throws {
    let tiny = try TinyRun()
    try tiny.train("alone", Self.crops)
    let run = try tiny.finished("alone")
    let (global, local) = (run.values("contrastive_loss_global"), run.values("contrastive_loss_local"))
    #expect(global.count == 8 && local.count == 8 && global != local)
    let small = run.values("contrastive_loss_small")
    let mean = zip(zip(global, local), small).map { (2 * $0.0 + 3 * $0.1 + $1) / 6 }
    #expect(mismatch(run.values("contrastive_loss"), mean, tolerance: 1e-6) == nil)
    for worldSize in [2, 3] {
      try tiny.train("world-\(worldSize)", Self.crops, worldSize: worldSize)
      let other = try tiny.finished("world-\(worldSize)")
      #expect(other.keys == run.keys)
      #expect(mismatch(other.values("loss"), run.values("loss"), tolerance: 1e-5) == nil)
      #expect(mismatch(other.values("contrastive_loss_local"), local, tolerance: 1e-5) == nil)
    }
  }

  @Test func oneGroupOfOneIsARunWithoutGroups() throws {
    let tiny = try TinyRun()
    try tiny.train("plain", "augmentation.flip=0.5")
    try tiny.train("group", "augmentation.flip=0.5", "augmentation.crops=[{name: only}]")
    let (plain, group) = (try tiny.finished("plain"), try tiny.finished("group"))
    #expect(group.comparableMetrics == plain.comparableMetrics)
    #expect(try group.weights(step: 8) == plain.weights(step: 8))
  }

  @Test func coloursChangeARun() throws {
    let tiny = try TinyRun()
    try tiny.train("weak", "augmentation.train=weak")
    try tiny.train("strong", "augmentation.train=strong")
    let (weak, strong) = (try tiny.finished("weak"), try tiny.finished("strong"))
    #expect(weak.keys == strong.keys && weak.values("loss") != strong.values("loss"))
    #expect(strong.values("loss").allSatisfy { $0.isFinite && $0 > 0 })
  }

  @Test func cropsMustFitTheTowersCells() throws {
    let tiny = try TinyRun()
    let error = #expect(throws: KelipError.self) {
      try tiny.train("uneven", "augmentation.crops=[{}, {name: local, size: 12}]")
    }
    #expect(error?.location == "augmentation.crops: local" && error?.hint == "give a multiple of 8")
    #expect(error?.exitCode == .badInput)
  }
}
