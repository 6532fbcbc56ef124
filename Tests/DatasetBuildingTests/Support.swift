import Foundation
import TestFolders

@testable import DatasetBuilding
@testable import Imaging

extension TemporaryFolder {
  func write(_ bytes: [UInt8], to name: String) throws {
    let url = URL(fileURLWithPath: "\(path)/\(name)")
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

  func names(in folder: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)").sorted()
  }

  func read(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
  }
}

/// A picture of one colour: pictures with equal `shade` look exactly alike.
func picture(
  _ id: String, shade: Int, captions: [CaptionLanguage: String] = [.english: "a shade", .korean: "색조"],
  width: Int = 5, height: Int = 3
) -> CaptionedPicture {
  let colour = RGBColour(red: UInt8(shade / 256), green: UInt8(shade % 256), blue: 40)
  return CaptionedPicture(
    id: id, source: .tuxpaintStamps, theme: "shades", captions: captions,
    image: RGBImage(width: width, height: height, fill: colour))
}

/// The members of a ustar archive, read by its definition alone.
func tarMembers(_ bytes: [UInt8]) -> [(name: String, header: [UInt8], content: [UInt8])] {
  var members: [(String, [UInt8], [UInt8])] = []
  var position = 0
  while position + 512 <= bytes.count, bytes[position] != 0 {
    let header = Array(bytes[position..<position + 512])
    let name = String(decoding: header.prefix { $0 != 0 }, as: UTF8.self)
    let length = Int(String(decoding: header[124..<135], as: UTF8.self), radix: 8)!
    members.append((name, header, Array(bytes[(position + 512)..<(position + 512 + length)])))
    position += 512 + (length + 511) / 512 * 512
  }
  return members
}
