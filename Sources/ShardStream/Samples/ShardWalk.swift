import Foundation
import Imaging

/// A sample of one shard, as walking it finds it.
package struct WalkedSample: Equatable, Sendable {
  package let key: String
  /// Its number among the samples of its shard.
  package let ordinal: Int
  package let members: SampleMembers
}

/// One shard from its first header to its end: samples, rejected groups and damage, in the order of the file.
///
/// A single pass with constant memory. Damage inside the tar is the last step; a shard that cannot be opened or read
/// is a `KelipError`. The samples are those of the shard's table: a compressed shard is therefore gone through twice,
/// since a frame that turns out damaged at its end loses the samples before that.
package struct ShardWalk {
  package enum Step: Equatable, Sendable {
    case sample(WalkedSample)
    case rejected(key: String, RejectedReason)
    /// What follows cannot be read; a group that was begun before it has been given.
    case fault(TarFault)
  }

  package let file: ShardFile
  private var reader: TarReader
  private var grouper = SampleGrouper()
  private var sampleCount = 0
  private var fault: TarFault?
  private var isAtEnd = false
  /// Samples that reach beyond this byte are lost.
  private let soundEnd: Int

  package init(url: URL) throws {
    file = try ShardFile(url: url)
    reader = TarReader(file: file)
    soundEnd = file.isCompressed ? try Self.soundEnd(url) : .max
  }

  /// Where what can be read of a compressed shard ends.
  private static func soundEnd(_ url: URL) throws -> Int {
    var scout = TarReader(file: try ShardFile(url: url))
    do {
      while try scout.next() != nil {}
      return .max
    } catch let damage as TarFault {
      return damage.soundEnd
    }
  }

  package mutating func next() throws -> Step? {
    while !isAtEnd {
      if let outcome = try advance(), let step = step(outcome) { return step }
    }
    defer { fault = nil }
    return fault.map(Step.fault)
  }

  /// The group that the next entry closes, if it does.
  private mutating func advance() throws -> SampleGrouper.Outcome? {
    do {
      if let entry = try reader.next() { return grouper.take(entry) }
    } catch let damage as TarFault {
      fault = damage
    }
    isAtEnd = true
    return grouper.finish()
  }

  /// Nil for a sample that is lost.
  private mutating func step(_ outcome: SampleGrouper.Outcome) -> Step? {
    switch outcome {
    case .sample(let key, let members):
      guard members.extent.upperBound <= soundEnd else { return nil }
      defer { sampleCount += 1 }
      return .sample(WalkedSample(key: key, ordinal: sampleCount, members: members))
    case .rejected(let key, let reason):
      return .rejected(key: key, reason)
    }
  }

  /// The caption of a sample, checked as training checks it.
  ///
  /// - Throws: `SampleFault` for what is no caption.
  package func caption(_ sample: WalkedSample) throws -> String {
    try SampleReader.caption(sample.members.text, in: file)
  }

  /// The picture of a sample, decoded and checked as training does.
  ///
  /// - Parameter size: what its shorter side would be resized to.
  /// - Throws: `SampleFault` for what training would replace.
  package func image(_ sample: WalkedSample, maxPixels: Int, size: Int) throws -> RGBImage {
    try bytes(sample.members.image).withUnsafeBytes {
      try PictureReader(maxPixels: maxPixels, largestSize: size).image($0)
    }
  }

  package func bytes(_ range: MemberRange) throws -> [UInt8] {
    try SampleReader.bytes(range, in: file)
  }
}
