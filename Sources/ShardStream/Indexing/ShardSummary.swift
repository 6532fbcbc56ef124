import Captions
import Foundation

/// A shard whose tail could not be read; the samples before the damage are in the index.
package struct ShardFault: Equatable, Sendable, CustomStringConvertible {
  package let shard: String
  package let fault: TarFault

  package var description: String { "\(shard): \(fault)" }
}

/// What a run has to know about a shard before it opens it: about 300 bytes, however many samples it holds.
package struct ShardSummary: Equatable, Sendable {
  /// Where the summary was taken from.
  package enum Origin: Equatable, Sendable {
    case sidecar
    /// The tar's headers: there is no sidecar.
    case scan
    /// The tar's headers: the sidecar could not be used, for this reason.
    case scanInsteadOfSidecar(String)
  }

  /// Groups of members that are no samples.
  package struct Rejection: Equatable, Sendable {
    package var count = 0
    /// The first few of their keys, long ones cut.
    package var keys: [String] = []

    static let keyLimit = 3
    private static let keyLength = 100

    mutating func add(_ key: String) {
      count += 1
      guard keys.count < Self.keyLimit else { return }
      let isShort = key.utf8.count <= Self.keyLength
      keys.append(isShort ? key : String(decoding: key.utf8.prefix(Self.keyLength), as: UTF8.self) + "…")
    }
  }

  package let path: String
  package let identity: ShardIdentity
  /// Bytes of the tar, decompressed where it is compressed, up to the end of its last member.
  package let tarByteCount: Int
  package let sampleCount: Int
  /// Samples by language, in the order of `CaptionLanguage.allCases`; their sum is `sampleCount`.
  package let languageCounts: [Int]
  /// Pictures without a caption by language; they are not in the counts above.
  package let captionlessCounts: [Int]
  package let fault: ShardFault?
  package let rejections: [RejectedReason: Rejection]
  package var origin: Origin

  package var url: URL { URL(fileURLWithPath: path, isDirectory: false) }
  /// Of the file, packed or not.
  package var byteCount: Int { identity.byteCount }
  /// Nanoseconds since 1970.
  package var modificationTime: Int { identity.modificationTime }
  package var rejected: [RejectedReason: Int] { rejections.mapValues(\.count) }
  package var rejectedKeys: [RejectedReason: [String]] { rejections.mapValues(\.keys) }

  package func sampleCount(ofLanguage language: CaptionLanguage) -> Int {
    languageCounts[Int(language.rawValue)]
  }
}
