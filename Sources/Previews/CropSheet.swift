import Basics
import Charts
import Collectives
import Imaging
import ShardStream
import Training

/// A picture of what a run cuts from its pictures and how it changes them: to be looked at before it starts.
package struct CropSheet {
  private let stage: StagePlan
  private let preview: CropPreview

  package init(_ plan: RunPlan, _ stage: StagePlan) {
    self.stage = stage
    preview = CropPreview(plan.loaderOptions(stage, SoloCommunicator()))
  }

  /// The first `count` samples of the global batch of the stage's step `step`, each whole and in every crop.
  package func sheet(title: String, step: Int, count: Int) throws -> SampleSheet {
    let slots = 0..<min(count, stage.order.globalBatchSize)
    return SampleSheet(title: title, groups: try slots.map { try group(step: step, slot: $0) })
  }

  private func group(step: Int, slot: Int) throws -> SampleSheet.Group {
    do {
      let sample = try preview.sample(step: step, slot: slot)
      let size = "\(sample.picture.width) × \(sample.picture.height)"
      let whole = SampleSheet.Tile(picture: sample.picture, caption: "as it is", note: size)
      return SampleSheet.Group(title: sample.key, note: sample.caption, tiles: [whole] + tiles(sample))
    } catch let fault as SampleFault {
      let tile = SampleSheet.Tile(picture: nil, caption: "replaced in training", note: fault.reason)
      return SampleSheet.Group(title: "bad sample", tiles: [tile])
    }
  }

  private func tiles(_ sample: CropPreview.Sample) -> [SampleSheet.Tile] {
    stage.cropGroups.flatMap { group in
      group.crops.map { crop in
        let drawn = sample.views[crop]
        return SampleSheet.Tile(
          picture: drawn.picture, caption: Self.changes(drawn.view), note: "\(group.name), \(group.size) px")
      }
    }
  }

  /// In the order in which they are made.
  static func changes(_ view: ImageView) -> String {
    let names = view.adjustments.map { adjustment in
      switch adjustment {
      case .brightness(let factor): "brightness \(rounded(factor))"
      case .contrast(let factor): "contrast \(rounded(factor))"
      case .saturation(let factor): "saturation \(rounded(factor))"
      case .hue(let turn): "hue \(rounded(turn))"
      case .grey: "grey"
      case .gaussianBlur(let blur): "blur \(rounded(blur.sigma))"
      }
    }
    return ((view.isFlipped ? ["mirrored"] : []) + names).joined(separator: ", ")
  }

  private static func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
}
