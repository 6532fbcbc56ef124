import Kernels

extension MaskedAutoencoder {
  /// What the decoder makes of pictures, [B, 3, S, S] each, normalised as these are.
  package struct Reconstruction {
    /// What the tower saw; the rest is grey.
    package var masked: [Float]
    /// The same with the decoder's patches in the places of the rest.
    package var reconstructed: [Float]
  }

  /// - Parameter images: of the model's size, with `keptPatches`.
  package func reconstruct(_ images: ImageBatch, arena: Arena) -> Reconstruction {
    arena.scratch {
      let values = forward(images, TowerPass(.inference, arena))
      let index = MaskedLayout(
        kept: kept(images), patchCount: patchCount, hasClassToken: mae.hasClassToken
      ).maskedPatches
      targets.undo(values, patches: patches(images, index, arena), rows: index.count)
      let grey = arena.allocate(Float.self, index.count * targets.columns)
      targets.fillGrey(grey, rows: index.count)
      return Reconstruction(
        masked: replacing(index, of: images, by: grey),
        reconstructed: replacing(index, of: images, by: values))
    }
  }

  /// The pictures with patches[R, 3·p²] in the places `index` = picture · P + cell.
  private func replacing(
    _ index: [Int32], of images: ImageBatch, by patches: UnsafePointer<Float>
  ) -> [Float] {
    var pixels = Array(UnsafeBufferPointer(start: images.values, count: images.count * images.imageCount))
    let (size, p) = (images.width, targets.patchSize)
    for (row, patch) in index.enumerated() {
      let (picture, cell) = Int(patch).quotientAndRemainder(dividingBy: patchCount)
      let (top, left) = (cell / (size / p) * p, cell % (size / p) * p)
      for line in 0..<3 * p {
        let (channel, y) = line.quotientAndRemainder(dividingBy: p)
        let start = ((picture * 3 + channel) * size + top + y) * size + left
        let source = patches + row * targets.columns + line * p
        for x in 0..<p { pixels[start + x] = source[x] }
      }
    }
    return pixels
  }
}
