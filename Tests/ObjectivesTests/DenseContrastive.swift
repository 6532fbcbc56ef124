import Kernels

#if canImport(Glibc)
  import Glibc
#endif

/// CLIP's loss as figure 3 of Radford et al. writes it: the whole B × B matrix in 64 bits.
struct DenseContrastive {
  var images: [Double]
  var texts: [Double]
  var embedDim: Int
  var logitScale: Double
  /// The features count as unit rows whatever their lengths, and the gradients are those of unit rows.
  var isNormalised = false

  var batchSize: Int { images.count / embedDim }

  struct Result {
    /// ½ (cross-entropy of its row + of its column) of each pair.
    var pairLosses: [Double]
    var loss: Double { pairLosses.reduce(0, +) / Double(pairLosses.count) }
    var dImages: [Double]
    var dTexts: [Double]
    var dLogitScale: Double
  }

  func lossAndGradients() -> Result {
    let (b, d) = (batchSize, embedDim)
    var unitImages = Reference.l2NormaliseForward(images, rows: b, columns: d)
    var unitTexts = Reference.l2NormaliseForward(texts, rows: b, columns: d)
    if isNormalised { (unitImages.y, unitTexts.y) = (images, texts) }
    let similarities = Reference.linearForward(
      unitImages.y, weight: unitTexts.y, bias: nil, rows: b, inputs: d, outputs: b, layout: .outputsByInputs)
    let logits = similarities.map { exp(logitScale) * $0 }
    let dLogits = logitGradient(logits)
    let dSimilarities = dLogits.map { exp(logitScale) * $0 }
    let dUnitImages = Reference.linearForward(
      dSimilarities, weight: unitTexts.y, bias: nil, rows: b, inputs: b, outputs: d, layout: .inputsByOutputs)
    let dUnitTexts = Reference.linearForward(
      Reference.transpose(dSimilarities, rows: b, columns: b), weight: unitImages.y, bias: nil, rows: b,
      inputs: b, outputs: d, layout: .inputsByOutputs)
    guard !isNormalised else {
      return Result(
        pairLosses: pairLosses(logits), dImages: dUnitImages, dTexts: dUnitTexts,
        dLogitScale: Reference.dot(dLogits, logits))
    }
    return Result(
      pairLosses: pairLosses(logits),
      dImages: Reference.l2NormaliseBackward(
        dUnitImages, y: unitImages.y, norms: unitImages.norms, rows: b, columns: d),
      dTexts: Reference.l2NormaliseBackward(
        dUnitTexts, y: unitTexts.y, norms: unitTexts.norms, rows: b, columns: d),
      dLogitScale: Reference.dot(dLogits, logits))
  }

  /// The target is on the diagonal.
  private func pairLosses(_ logits: [Double]) -> [Double] {
    let b = batchSize
    let transposed = Reference.transpose(logits, rows: b, columns: b)
    let rows = Reference.logSumExp(logits, rows: b, columns: b, scale: 1)
    let columns = Reference.logSumExp(transposed, rows: b, columns: b, scale: 1)
    return (0..<b).map { (rows[$0] + columns[$0]) / 2 - logits[$0 * b + $0] }
  }

  /// (softmax over rows + softmax over columns − 2 I) / 2B.
  private func logitGradient(_ logits: [Double]) -> [Double] {
    let b = batchSize
    let transposed = Reference.transpose(logits, rows: b, columns: b)
    let byRow = Reference.softmaxRows(logits, rows: b, columns: b, scale: 1, causal: false)
    let byColumn = Reference.softmaxRows(transposed, rows: b, columns: b, scale: 1, causal: false)
    var gradient = byRow
    for r in 0..<b {
      for c in 0..<b {
        let target: Double = r == c ? 2 : 0
        gradient[r * b + c] += byColumn[c * b + r] - target
      }
    }
    return gradient.map { $0 / Double(2 * b) }
  }
}
