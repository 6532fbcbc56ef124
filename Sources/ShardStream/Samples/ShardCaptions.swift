import Basics
import Foundation

/// The captions of shards one after the other, read as they are asked for: for training tokenizers.
///
/// A single pass. Captions that are empty or not UTF-8 are counted, damage is kept in `faults`; look at both
/// when the sequence has ended.
package final class ShardCaptions: Sequence, IteratorProtocol {
  private var urls: ArraySlice<URL>
  private var current: (url: URL, reader: TarReader)?
  package private(set) var skippedCount = 0
  package private(set) var faults: [String] = []

  private init(_ urls: [URL]) { self.urls = urls[...] }

  package static func read(from urls: [URL]) -> ShardCaptions { ShardCaptions(urls) }

  package func next() -> String? {
    while current != nil || openNext() {
      do {
        if let caption = try nextInShard() { return caption }
      } catch {
        faults.append("\(current?.url.path ?? ""): \(error)")
      }
      current = nil
    }
    return nil
  }

  /// Opens the next shard that can be opened; false when there is none.
  private func openNext() -> Bool {
    while let url = urls.popFirst() {
      do {
        current = (url, TarReader(file: try ShardFile(url: url)))
        return true
      } catch {
        faults.append("\(error)")
      }
    }
    return false
  }

  private func nextInShard() throws -> String? {
    while let entry = try current?.reader.next() {
      guard SampleName(path: entry.name)?.fileExtension == "txt", !entry.isSparse else { continue }
      do {
        try SampleReader.requireCaptionSize(entry.size)
        guard let bytes = try current?.reader.data(of: entry) else { return nil }
        return try SampleReader.caption(bytes)
      } catch is SampleFault {
        skippedCount += 1
      }
    }
    return nil
  }
}
