import Basics
import Evaluation
import ShardStream

/// Picture files.
package struct PictureSource: FeatureSource {
  package let kind = SourceKind.pictures
  private let paths: [String]
  private let preparation: ImagePreparation
  private let threads: Int
  private let leavesOut: Bool

  /// - Parameters:
  ///   - imageSize: S, the tower's.
  ///   - leavesOut: whether a file that cannot be used is left out; else it is an error that names it.
  package init(_ paths: [String], imageSize: Int, leavesOut: Bool, threads: Int) {
    (self.paths, self.leavesOut, self.threads) = (paths, leavesOut, threads)
    preparation = ImagePreparation(size: imageSize)
  }

  package var count: Int { paths.count }

  package var identity: String { SHA256Hasher.hexDigest(of: Array(paths.joined(separator: "\0").utf8)) }

  package func read(_ numbers: Range<Int>) throws -> SourceBatch {
    let decoded = try concurrentMap(numbers.map { paths[$0] }, threads: threads) { path in
      Result { try PictureFile.pixels(path, preparation) }
    }
    var batch = SourceBatch()
    for (number, result) in zip(numbers, decoded) {
      switch result {
      case .success(let pixels):
        batch.pixels += pixels
        batch.rows.append(FeatureRow(key: paths[number]))
      case .failure(let error):
        guard leavesOut else { throw error }
        batch.leftOut[(error as? KelipError)?.message ?? "\(error)", default: 0] += 1
      }
    }
    return batch
  }
}
