/// Which rows one pass of a vision transformer consists of: for each picture its class token, if it takes part, and
/// after it the patches that are kept, in row-major order of the grid.
final class PatchLayout {
  /// B.
  let pictureCount: Int
  let gridHeight: Int
  let gridWidth: Int
  /// K, the patches of a picture that take part.
  let perImage: Int
  let hasClassToken: Bool
  /// [B·K]: picture · P + cell of each kept patch, P = gridHeight · gridWidth.
  let patches: [Int32]

  init(_ images: ImageBatch, patchSize: Int, hasClassToken: Bool) {
    precondition(
      images.height.isMultiple(of: patchSize) && images.width.isMultiple(of: patchSize),
      "pictures that patches do not divide")
    (gridHeight, gridWidth) = (images.height / patchSize, images.width / patchSize)
    (pictureCount, self.hasClassToken) = (images.count, hasClassToken)
    let cells = gridHeight * gridWidth
    guard let kept = images.keptPatches else {
      perImage = cells
      patches = (0..<Int32(images.count * cells)).map { $0 }
      return
    }
    precondition(kept.indices.count == images.count * kept.perImage, "kept patches of other pictures")
    perImage = kept.perImage
    patches = kept.indices.enumerated().map { row, cell in
      precondition(cell >= 0 && cell < cells, "a kept patch outside the grid")
      return Int32(row / kept.perImage * cells) + cell
    }
  }

  /// Rows before a picture's patches.
  private var prefix: Int { hasClassToken ? 1 : 0 }
  /// Rows of a picture.
  var rowsPerImage: Int { prefix + perImage }
  var rows: Int { pictureCount * rowsPerImage }
  /// Picture b is rows offsets[b] ..< offsets[b + 1].
  private(set) lazy var offsets = (0...pictureCount).map { Int32($0 * rowsPerImage) }

  /// The class tokens' rows.
  private(set) lazy var classRows: [Int32] = {
    precondition(hasClassToken)
    return (0..<pictureCount).map { Int32($0 * rowsPerImage) }
  }()

  /// The patches' rows.
  private(set) lazy var patchRows = (0..<pictureCount * perImage).map {
    Int32($0 / perImage * rowsPerImage + prefix + $0 % perImage)
  }

  /// All rows.
  private(set) lazy var allRows = Array(0..<Int32(rows))

  /// Of each row: its place among the kept patches, or −1 for a class token.
  private(set) lazy var source = (0..<rows).map { row in
    let (picture, place) = row.quotientAndRemainder(dividingBy: rowsPerImage)
    return place < prefix ? -1 : Int32(picture * perImage + place - prefix)
  }

  /// Of each row: its place in a table of positions that begins with the class token's.
  private(set) lazy var position = {
    let cells = Int32(gridHeight * gridWidth)
    return source.map { $0 < 0 ? 0 : 1 + patches[Int($0)] % cells }
  }()
}

/// Layouts of whole pictures, made once for each size and number: a steady step makes none.
struct PatchLayouts {
  private let patchSize: Int
  private var known: [SIMD4<Int>: PatchLayout] = [:]

  init(patchSize: Int) { self.patchSize = patchSize }

  /// Of pictures with patches left out it is new each time: these differ from step to step.
  mutating func layout(_ images: ImageBatch, hasClassToken: Bool) -> PatchLayout {
    func make() -> PatchLayout {
      PatchLayout(images, patchSize: patchSize, hasClassToken: hasClassToken)
    }
    guard images.keptPatches == nil else { return make() }
    let key = SIMD4(images.count, images.height, images.width, hasClassToken ? 1 : 0)
    if let layout = known[key] { return layout }
    let layout = make()
    known[key] = layout
    return layout
  }
}
