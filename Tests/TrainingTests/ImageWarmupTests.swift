import Basics
import Collectives
import Foundation
import TestSupport
import Testing
import TinyRun

@testable import Training

/// The tiny model sees 16 pixels in cells of 8.
@Suite struct ImageWarmupTests {
  private static let size = "augmentation.warmup_size=8"
  private static let steps = "augmentation.warmup_steps=3"

  @Test func theFirstStepsAreThoseOfSmallerPictures() throws {
    let tiny = try TinyRun()
    try tiny.train("warm", Self.size, Self.steps)
    try tiny.train("small", "augmentation.crops=[{name: image, size: 8}]")
    try tiny.train("large")
    let (warm, small) = (try tiny.finished("warm"), try tiny.finished("small"))
    let large = try tiny.finished("large")
    #expect(warm.keys == large.keys && warm.steps == Array(1...8))
    #expect(Array(warm.comparableMetrics.prefix(3)) == Array(small.comparableMetrics.prefix(3)))
    #expect(warm.values("loss")[3] != small.values("loss")[3])
    #expect(warm.values("loss")[0] != large.values("loss")[0])
  }

  @Test func aRunGoesOnWhereItStoppedAndDoesNotDependOnTheRanks() throws {
    let tiny = try TinyRun()
    try tiny.train("whole", Self.size, Self.steps)
    let whole = try tiny.finished("whole")
    for every in [2, 4] {
      let name = "stopped-\(every)"
      try tiny.train(name, Self.size, Self.steps, "checkpoint.every_steps=\(every)", "checkpoint.keep_last=9")
      for step in (every + 1)...8 {
        try? FileManager.default.removeItem(at: checkpoint(step, in: tiny.url(name)))
      }
      try tiny.train(name, Self.size, Self.steps, "checkpoint.every_steps=1000")
      let resumed = try tiny.finished(name)
      #expect(resumed.comparableMetrics == whole.comparableMetrics)
      #expect(try resumed.weights(step: 8) == whole.weights(step: 8))
    }
    for worldSize in [2, 3] {
      try tiny.train("world-\(worldSize)", Self.size, Self.steps, worldSize: worldSize)
      let other = try tiny.finished("world-\(worldSize)")
      #expect(other.keys == whole.keys)
      #expect(mismatch(other.values("loss"), whole.values("loss"), tolerance: 1e-5) == nil)
    }
  }

  @Test func anotherWarmupIsAnotherRun() throws {
    let tiny = try TinyRun()
    try tiny.train("run", Self.size, Self.steps, "checkpoint.every_steps=4", "checkpoint.keep_last=9")
    try FileManager.default.removeItem(at: checkpoint(8, in: tiny.url("run")))
    let error = #expect(throws: KelipError.self) {
      try tiny.train("run", Self.size, "augmentation.warmup_steps=2")
    }
    #expect(error.map { "\($0)".contains("augmentation.warmup_steps") } == true)
  }

  @Test(arguments: [
    ("augmentation.warmup_size=8", ["augmentation.warmup_size=8"]),
    ("augmentation.warmup_steps=3", ["augmentation.warmup_steps=3"]),
    ("augmentation.warmup_size=12", ["augmentation.warmup_size=12", "augmentation.warmup_steps=1"]),
    ("augmentation.warmup_size=24", ["augmentation.warmup_size=24", "augmentation.warmup_steps=1"]),
  ])
  func whatCannotBeIsRefused(_ key: String, _ overrides: [String]) throws {
    let tiny = try TinyRun()
    let error = #expect(throws: KelipError.self) {
      try tiny.train("bad", overrides[0], overrides.last!)
    }
    #expect(
      error.map { key.hasPrefix($0.location ?? "?") || "\($0)".contains(key.split(separator: "=")[0]) }
        == true)
    #expect(error?.exitCode == .badInput)
  }

  @Test func onlyCropsWithoutASizeAreSmaller() {
    let crops = [
      CropSettings(name: "a", augmentation: .preset(.none)),
      CropSettings(name: "b", size: 96, augmentation: .preset(.none)),
      CropSettings(name: "c", resizeTo: 96, augmentation: .preset(.none)),
    ]
    let groups = CropGroup.groups(crops, imageSize: 224, warmupSize: 112)
    #expect(groups.map(\.size) == [112, 96, 96])
    #expect(groups.map(\.preparation.cropSize) == [nil, nil, 224])
  }
}
