import Basics
import Towers
import Training

/// What the timed steps train on: random pictures, and captions of random tokens of one length or of given lengths.
struct StepInputs {
  private let images: UnsafeMutablePointer<Float>
  private let batches: [TrainBatch]
  /// Tokens of all batches.
  let tokenCount: Int

  /// - Parameter captions: a batch each; a step takes the next, and the first again after the last.
  init(captions: [PackedCaptions], imageSize: Int, crops: Int, rank: Int) {
    let batchSize = captions[0].count
    var generator = SeededGenerator(seed: Hashing.combine(7, UInt64(rank)))
    let count = batchSize * 3 * imageSize * imageSize
    images = .allocate(capacity: count)
    generator.fillNormal(UnsafeMutableBufferPointer(start: images, count: count), std: 1)
    let view = TrainBatch.Crop(
      name: "image", images: ImageBatch(images, count: batchSize, size: imageSize))
    batches = captions.map {
      TrainBatch(
        crops: Array(repeating: view, count: crops), captions: $0, step: 0, firstSlot: rank * batchSize)
    }
    tokenCount = captions.reduce(0) { $0 + $1.ids.count }
  }

  func batch(_ step: Int) -> TrainBatch { batches[step % batches.count] }
  var batchCount: Int { batches.count }
  func deallocate() { images.deallocate() }

  /// Captions of `tokens` each; the last token has the largest id, as [EOT] has.
  static func random(batchSize: Int, tokens: Int, vocabSize: Int, rank: Int) -> PackedCaptions {
    var generator = SeededGenerator(seed: Hashing.combine(8, UInt64(rank)))
    let last = vocabSize - 1
    var ids: [Int32] = []
    for _ in 0..<batchSize {
      ids += (0..<(tokens - 1)).map { _ in Int32(generator.next() % UInt64(last)) }
      ids.append(Int32(last))
    }
    return PackedCaptions(ids: ids, offsets: (0...batchSize).map { Int32($0 * tokens) })
  }
}
