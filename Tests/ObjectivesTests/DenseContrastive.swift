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
    var loss: Double
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
        loss: loss(logits), dImages: dUnitImages, dTexts: dUnitTexts,
        dLogitScale: Reference.dot(dLogits, logits))
    }
    return Result(
      loss: loss(logits),
      dImages: Reference.l2NormaliseBackward(
        dUnitImages, y: unitImages.y, norms: unitImages.norms, rows: b, columns: d),
      dTexts: Reference.l2NormaliseBackward(
        dUnitTexts, y: unitTexts.y, norms: unitTexts.norms, rows: b, columns: d),
      dLogitScale: Reference.dot(dLogits, logits))
  }

  /// ½ (mean cross-entropy of rows + of columns), the target on the diagonal.
  private func loss(_ logits: [Double]) -> Double {
    let b = batchSize
    let transposed = Reference.transpose(logits, rows: b, columns: b)
    let rows = Reference.logSumExp(logits, rows: b, columns: b, scale: 1)
    let columns = Reference.logSumExp(transposed, rows: b, columns: b, scale: 1)
    var total = 0.0
    for i in 0..<b { total += rows[i] + columns[i] - 2 * logits[i * b + i] }
    return total / Double(2 * b)
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
