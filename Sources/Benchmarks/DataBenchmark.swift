import Basics
import Imaging
import ShardStream

/// How fast the stream of pairs is by itself: what `Loader` gives a training step, with nothing done to it.
package struct DataBenchmark {
  package struct Result: Sendable {
    package var imageCount = 0
    package var seconds = 0.0
    /// Of all threads together.
    package var processorSeconds = 0.0
    package var waitSeconds = 0.0
    package var tokenCount = 0
    package var skippedCount = 0
    /// Resident memory at even intervals, the last at the end.
    package var residentBytes: [Int] = []

    package var imagesPerSecond: Double { Double(imageCount) / seconds }
    /// What one core would take for an image if nobody else used it.
    package var processorMillisecondsPerImage: Double { processorSeconds * 1_000 / Double(imageCount) }
  }

  private static let memoryReadings = 20

  private let options: LoaderOptions

  package init(_ options: LoaderOptions) { self.options = options }

  /// Streams whole batches, over as many epochs as it takes, until `imageCount` images have come.
  package func run(imageCount: Int) throws -> Result {
    precondition(imageCount > 0)
    let start = (wall: monotonicSeconds(), processor: processorSeconds())
    let loader = try Loader(options)
    defer { loader.stop() }
    var result = Result()
    while result.imageCount < imageCount {
      let batch = try loader.next()
      result.imageCount += batch.count
      result.tokenCount += batch.tokens.count
      result.skippedCount += batch.skipped.count
      result.waitSeconds += batch.waitSeconds
      batch.release()
      if result.imageCount * Self.memoryReadings >= imageCount * (result.residentBytes.count + 1) {
        result.residentBytes.append(Basics.residentBytes())
      }
    }
    result.seconds = monotonicSeconds() - start.wall
    result.processorSeconds = processorSeconds() - start.processor
    return result
  }
}
