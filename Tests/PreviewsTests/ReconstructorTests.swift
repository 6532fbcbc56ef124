import Basics
import Charts
import Collectives
import Foundation
import Imaging
import Testing
import TinyRun
import Training

@testable import Previews

@Suite("A look at a masked autoencoder")
struct ReconstructorTests {
  /// A run of both stages; the mae stage ends with step 3, the run with step 5.
  private static let shared = Result { () -> TinyRun in
    let tiny = try TinyRun()
    let options = WorkerOptions(
      configPath: try tiny.writeConfig("run"),
      overrides: [
        "stages=[mae, contrastive]", "mae.steps=3", "mae.decoder_layers=1", "optimizer.steps=2",
        "checkpoint.every_steps=1", "checkpoint.keep_last=9",
      ], resume: .never, acceptConfigChange: false, dryRun: false)
    _ = try Worker.run(options, SoloCommunicator())
    return tiny
  }

  private func checkpoint(_ step: Int) throws -> String {
    try Self.shared.get().path("run/checkpoints/step-0000000\(step)")
  }

  @Test("three pictures of each, from files and from shards")
  func sheets() throws {
    let tiny = try Self.shared.get()
    let reconstructor = try Reconstructor(checkpoint: checkpoint(3))
    let file = tiny.path("picture.png")
    try TinyRun.picture(4).writePNG(to: URL(fileURLWithPath: file))
    let files = try reconstructor.pictures(files: [file])
    let shards = try reconstructor.pictures(shards: [tiny.path("train")], count: 5, threads: 1)
    #expect(files.map(\.name) == ["picture.png"] && shards.count == 5)
    #expect(Set(shards.map(\.name)).count == 5)
    let sheet = reconstructor.sheet(files + shards, title: "run", seed: 1)
    let tiles = sheet.groups[0].tiles
    #expect(
      tiles.map(\.note) == Array(repeating: ["original", "seen", "reconstructed"], count: 6).flatMap(\.self))
    #expect(sheet.groups[0].note == "1 of 4 patches seen")
    for start in stride(from: 0, to: tiles.count, by: 3) {
      let pictures = try tiles[start..<start + 3].map { try #require($0.picture).pixels }
      #expect(Set(pictures).count == 3)
    }
    let others = reconstructor.sheet(files + shards, title: "run", seed: 2).groups[0].tiles
    #expect(others[0].picture == tiles[0].picture)
    #expect(zip(others, tiles).contains { $0.picture != $1.picture })
  }

  @Test("a checkpoint without a decoder and a run without its configuration are refused")
  func refusals() throws {
    let decoder = try #require(throws: KelipError.self) { _ = try Reconstructor(checkpoint: checkpoint(5)) }
    #expect(decoder.message == "this checkpoint has no decoder")
    let config = try #require(throws: KelipError.self) {
      _ = try Reconstructor(checkpoint: checkpoint(3), config: "/absent.yaml")
    }
    #expect(config.location == "/absent.yaml")
  }
}
