import Charts
import Collectives
import Foundation
import Imaging
import Testing
import TinyRun
import Training

@testable import Previews

@Suite struct CropSheetTests {
  private let tiny: TinyRun
  private let plan: RunPlan

  init() throws {
    tiny = try TinyRun()
    let config = try TrainConfig(
      contentsOf: tiny.writeConfig("run"),
      overrides: [
        "augmentation.crops=[{name: whole, augmentation: none}, {name: local, size: 8, resize_to: 16, count: 2, "
          + "augmentation: strong, flip: 1, colour_jitter_probability: 1, blur: 1}]"
      ])
    plan = try RunPlan(config, SoloCommunicator())
  }

  @Test func everyCropIsShownAsItIsTrainedOn() throws {
    let stage = plan.stages[0]
    let sheet = try CropSheet(plan, stage).sheet(title: "run", step: 2, count: 4)
    #expect(sheet.groups.count == 4 && sheet.groups.allSatisfy { $0.tiles.count == 4 })
    #expect(sheet.groups[0].tiles.map(\.note).suffix(3) == ["whole, 16 px", "local, 16 px", "local, 16 px"])
    #expect(sheet.groups[0].tiles[2].caption.hasPrefix("mirrored, "))
    #expect(sheet.groups[0].tiles[1].caption == "")
    let loader = try plan.loader(stage, SoloCommunicator(), startStep: 2)
    defer { loader.stop() }
    let batch = try loader.next()
    #expect(sheet.groups.map(\.title) == Array(batch.keys.prefix(4)))
    // The same values: what the loader normalised, taken back.
    let pixels = try #require(sheet.groups[1].tiles[3].picture)
    let values = batch.images(crop: 2)[(1 * 3 * 256)..<(1 * 3 * 256 + 256)]
    let reds = values.map { ($0 * 0.26862954 + 0.48145466) * 255 }
    let shown = RGBImage(
      width: 16, height: 16,
      pixels: reds.flatMap { red in
        let value = UInt8(max(0, min(255, red.rounded())))
        return [value, value, value]
      })
    let thumbnail = Thumbnail.square(of: shown, side: SampleSheet.thumbnailSide)
    #expect(
      stride(from: 0, to: pixels.pixels.count, by: 3).allSatisfy { pixels.pixels[$0] == thumbnail.pixels[$0] }
    )
  }

  @Test func aSheetHasNoMoreSamplesThanTheBatch() throws {
    let sheet = try CropSheet(plan, plan.stages[0]).sheet(title: "run", step: 0, count: 100)
    #expect(sheet.groups.count == TinyRun.globalBatchSize)
  }

  @Test func changesAreNamedInTheirOrder() {
    var view = ImageView(source: Box(x: 0, y: 0, width: 2, height: 2), width: 2, height: 2)
    #expect(CropSheet.changes(view) == "")
    view.isFlipped = true
    view.adjustments = [
      .hue(-0.104), .contrast(1.5), .brightness(0.25), .saturation(0), .grey,
      .gaussianBlur(GaussianBlur(radius: 3, sigma: 1.256)),
    ]
    #expect(
      CropSheet.changes(view)
        == "mirrored, hue -0.1, contrast 1.5, brightness 0.25, saturation 0.0, grey, blur 1.26")
  }
}
