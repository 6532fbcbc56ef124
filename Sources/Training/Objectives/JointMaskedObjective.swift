import Basics
import Collectives
import Evaluation
import Kernels
import Objectives
import Tokenization
import Towers

/// What the joint masked objective hides, and how much the reconstruction counts.
package struct JointMaskedOptions: Sendable {
  /// β; α is the contrastive objective's `weight`.
  package var beta: Double
  package var draws: MaskDraws
  /// Stands in the place of hidden tokens.
  package var maskID: Int32

  package init(beta: Double, draws: MaskDraws, maskID: Int32) {
    (self.beta, self.draws, self.maskID) = (beta, draws, maskID)
  }
}

/// The contrastive objective and the reconstruction of what is hidden from the towers, trained together:
///
///     loss = α · contrastive + β · (image + text)
///
/// A second pass of each tower sees the first crop with one square of every picture set to zero, and the captions with
/// some tokens replaced by the mask token. Linear heads predict the hidden pixels from the cells of the image tower's
/// grid, the hidden tokens from their rows. Both losses are means over all that is hidden in the global batch, so that
/// they do not depend on the number of ranks or of micro-batches.
package final class JointMaskedObjective<S: ComputeScalar>: TrainObjective {
  private let contrastive: ContrastiveObjective<S>
  private let heads: MaskedHeads<S>
  private let options: JointMaskedOptions
  private var model: DualEncoder<S> { contrastive.model }

  /// - Parameter heads: declared with the contrastive objective's model.
  package init(_ contrastive: ContrastiveObjective<S>, heads: MaskedHeads<S>, options: JointMaskedOptions) {
    (self.contrastive, self.heads, self.options) = (contrastive, heads, options)
  }

  package var parameters: ParameterArena { contrastive.parameters }

  package func refresh() {
    contrastive.refresh()
    heads.refresh()
  }

  package func constrain() { contrastive.constrain() }

  package func encoder(_ tokenizer: any Tokenizer) throws -> (any FeatureEncoder)? {
    try contrastive.encoder(tokenizer)
  }

  /// The masked passes come first and report nothing: gradients are complete when the contrastive passes have added
  /// theirs, and the heads', first in the arena, before any of those.
  package func accumulate(_ batch: TrainBatch, _ context: ObjectiveContext) throws -> ObjectiveResult {
    let parts = contrastive.options.microBatches(batch.count).map { MaskedPart(batch, $0, options) }
    var waiting = Stopwatch()
    let hidden = try waiting.measure {
      try context.communicator.sums(parts.sum(\.pixelCount), parts.sum(\.tokenCount))
    }
    // The reciprocals of the numbers of values that a mean is taken over.
    let perPixel = 1 / max(1, hidden.0)
    let perToken = 1 / max(1, hidden.1 * (heads.textLoss == .l1 ? Double(model.config.text.width) : 1))
    var mine = (image: 0.0, text: 0.0)
    for part in parts {
      mine.image += try context.arena.scratch { try imageLoss(part, factor: perPixel, context) }
      mine.text += try context.arena.scratch { try textLoss(part, factor: perToken, context) }
    }
    let sums = try waiting.measure { try context.communicator.sums(mine.image, mine.text) }
    let (image, text) = (sums.0 * perPixel, sums.1 * perToken)
    var result = try contrastive.accumulate(batch, context)
    result.loss = contrastive.options.weight * result.loss + options.beta * (image + text)
    result.terms += [("masked_image_loss", image), ("masked_text_loss", text)]
    result.communicationSeconds += waiting.seconds
    return result
  }

  /// Σ |prediction − pixel| over this part's hidden values; gradients times β · `factor`.
  private func imageLoss(_ part: MaskedPart, factor: Double, _ context: ObjectiveContext) throws -> Double {
    let arena = context.arena
    let pictures = part.hiddenPictures(arena)
    let grid = try model.images.forwardGrid(pictures, contrastive.options.pass(.training, context))
    let pixels = MaskedPixels(
      PixelGrid(
        height: pictures.height, width: pictures.width, rows: grid.height, columns: grid.width,
        cellSize: heads.cellSize), regions: part.regions)
    let dRows = arena.allocateZeroed(S.self, pictures.count * grid.height * grid.width * grid.columns)
    let loss = heads.image.reconstruct(grid.rows, places: pixels.cells, into: dRows, arena: arena) {
      pixels.lossAndGradient(
        predictions: $0, of: $2, images: part.images.values, factor: Float(options.beta * factor), into: $1)
    }
    try model.images.backwardGrid(dRows) { _ in }
    return loss
  }

  /// The sum over this part's hidden tokens of their losses; gradients times β · `factor`.
  private func textLoss(_ part: MaskedPart, factor: Double, _ context: ObjectiveContext) throws -> Double {
    let (arena, tokens) = (context.arena, part.tokens)
    guard !tokens.places.isEmpty else { return 0 }
    let captions = PackedCaptions(ids: tokens.ids, offsets: part.offsets)
    let rows = try model.texts.forwardTokens(captions, contrastive.options.pass(.training, context))
    let dRows = arena.allocateZeroed(S.self, rows.count * rows.columns)
    let loss = heads.text.reconstruct(rows.rows, places: tokens.places, into: dRows, arena: arena) {
      tokenLoss($0, $1, targets: tokens.targets[$2], columns: rows.columns, Float(options.beta * factor))
    }
    try model.texts.backwardTokens(dRows) { _ in }
    return loss
  }

  /// The embedding table is taken as it stands: its rows are targets here and get no gradient.
  private func tokenLoss(
    _ predictions: UnsafePointer<Float>, _ dPredictions: UnsafeMutablePointer<Float>,
    targets: ArraySlice<Int32>, columns: Int, _ factor: Float
  ) -> Double {
    switch heads.textLoss {
    case .l1:
      let table = UnsafePointer(model.texts.tokenTable.value)
      return l1RowsLossAndGradient(
        predictions, table: table, targets: targets, columns: columns, into: dPredictions, factor: factor)
    case .crossEntropy:
      return crossEntropyLossAndGradient(
        predictions, targets: targets, columns: model.config.text.vocabSize, into: dPredictions,
        factor: factor)
    }
  }
}

/// A micro-batch with what is hidden in it.
private struct MaskedPart {
  /// Whole, of the first crop.
  let images: ImageBatch
  let regions: [RegionMask]
  let tokens: MaskedTokens
  let offsets: [Int32]

  init(_ batch: TrainBatch, _ range: Range<Int>, _ options: JointMaskedOptions) {
    var images = batch.crops[0].images.slice(range)
    images.keptPatches = nil
    let captions = batch.captions.slice(range)
    let firstSlot = batch.firstSlot + range.lowerBound
    (self.images, offsets) = (images, captions.offsets)
    regions = (0..<range.count).map {
      options.draws.region(
        step: batch.step, slot: firstSlot + $0, height: images.height, width: images.width)
    }
    tokens = MaskedTokens(
      ids: captions.ids, offsets: captions.offsets, maskID: options.maskID, draws: options.draws,
      step: batch.step, firstSlot: firstSlot)
  }

  var pixelCount: Double { Double(MaskedPixels.valueCount(regions)) }
  var tokenCount: Double { Double(tokens.places.count) }

  /// A copy of the pictures with their squares set to zero.
  func hiddenPictures(_ arena: Arena) -> ImageBatch {
    let copy = arena.allocate(Float.self, images.count * images.imageCount)
    copy.update(from: images.values, count: images.count * images.imageCount)
    for (picture, region) in regions.enumerated() {
      region.hide(in: copy + picture * images.imageCount, height: images.height, width: images.width)
    }
    return ImageBatch(copy, count: images.count, height: images.height, width: images.width)
  }
}

extension [MaskedPart] {
  fileprivate func sum(_ value: (MaskedPart) -> Double) -> Double { reduce(0) { $0 + value($1) } }
}

extension Communicator {
  /// Σ over ranks of two numbers.
  fileprivate func sums(_ first: Double, _ second: Double) throws -> (Double, Double) {
    var values = [first, second]
    try values.withUnsafeMutableBufferPointer { try allReduceSum($0) }
    return (values[0], values[1])
  }
}
