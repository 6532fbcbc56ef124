import Foundation
import Imaging
import ShardStream
import TestFolders

/// Small shards in a folder that goes with it.
struct ShardFolder {
  struct Member {
    var name: String
    var bytes: [UInt8]

    init(_ name: String, _ bytes: [UInt8]) {
      self.name = name
      self.bytes = bytes
    }

    init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }
  }

  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @discardableResult
  func write(_ name: String, _ members: [Member]) throws -> URL {
    let url = folder.file(name)
    let tar = try TarWriter(path: url.path)
    for member in members { try tar.append(name: member.name, bytes: member.bytes) }
    try tar.finish()
    return url
  }

  static func jpeg(_ width: Int, _ height: Int) -> [UInt8] {
    JPEGEncoder.encode(RGBImage(width: width, height: height, fill: .white), quality: 90)
  }

  static func png(_ width: Int, _ height: Int) -> [UInt8] {
    PNGCodec.encode(RGBImage(width: width, height: height, fill: .white))
  }

  /// Good samples `k0` … with the caption `caption N`.
  static func samples(_ numbers: Range<Int>) -> [Member] {
    numbers.flatMap { [Member("k\($0).jpg", jpeg(8 + $0, 8)), Member("k\($0).txt", "caption \($0)")] }
  }
}
