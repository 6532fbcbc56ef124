import Kernels

/// Between a normalised picture's patches and what a decoder is to reproduce of them.
struct PatchTargets {
  let kind: PatchTarget
  /// Of the normalisation of pictures, a channel.
  let mean: [Float]
  let std: [Float]
  let patchSize: Int

  /// 3·p².
  var columns: Int { 3 * patchSize * patchSize }

  /// What the decoder is to give for normalised patches[R, 3·p²], in their place.
  func apply(to patches: UnsafeMutablePointer<Float>, rows: Int) {
    switch kind {
    case .pixels:
      // x·σ + μ is in [0, 1].
      scaleChannels(
        patches, factor: std.map { 2 * $0 }, offset: mean.map { 2 * $0 - 1 }, rows: rows,
        pixels: patchSize * patchSize)
    case .normalisedPixels:
      standardiseRows(patches, rows: rows, columns: columns)
    }
  }

  /// Normalised patches[R, 3·p²] of middle grey.
  func fillGrey(_ patches: UnsafeMutablePointer<Float>, rows: Int) {
    patches.update(repeating: 0, count: rows * columns)
    scaleChannels(
      patches, factor: [0, 0, 0], offset: zip(mean, std).map { (0.5 - $0) / $1 }, rows: rows,
      pixels: patchSize * patchSize)
  }

  /// Predicted values[R, 3·p²] as normalised patches, in their place. He et al.'s target says nothing of a patch's mean
  /// and deviation: for a look at them they are taken from the true `patches`, as He et al. do.
  func undo(_ values: UnsafeMutablePointer<Float>, patches: UnsafePointer<Float>, rows: Int) {
    switch kind {
    case .pixels:
      scaleChannels(
        values, factor: std.map { 1 / (2 * $0) }, offset: zip(mean, std).map { (0.5 - $0) / $1 }, rows: rows,
        pixels: patchSize * patchSize)
    case .normalisedPixels:
      for row in 0..<rows {
        let cells = row * columns..<(row + 1) * columns
        let average = cells.reduce(Float(0)) { $0 + patches[$1] } / Float(columns)
        let squares = cells.reduce(Float(0)) { $0 + (patches[$1] - average) * (patches[$1] - average) }
        let deviation = (squares / Float(columns - 1) + 1e-6).squareRoot()
        for i in cells { values[i] = values[i] * deviation + average }
      }
    }
  }
}
