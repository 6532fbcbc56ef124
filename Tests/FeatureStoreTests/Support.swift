import Basics
import Evaluation
import Foundation
import Imaging
import ShardStream
import TestEncoders
import TestFolders

@testable import FeatureStore

/// A picture is its colour, a caption the number that it begins with.
func encoder() throws -> StandInEncoder {
  try StandInEncoder(dimension: 4, picture: { $0.map { $0.rounded() } + [1] }) { caption in
    let number = Float(caption.prefix { $0.isNumber }) ?? 0
    return [number, 1, 0, 0]
  }
}

func colour(_ number: Int) -> RGBColour {
  RGBColour(red: UInt8(number), green: 100, blue: UInt8(255 - number))
}

/// Shards of `count` pairs, each picture twice, and one broken picture after the fifth.
func shards(_ count: Int, in folder: TemporaryFolder) throws -> [URL] {
  let url = folder.file("0.tar")
  let tar = try TarWriter(path: url.path)
  for number in 0..<count {
    let image = RGBImage(width: 18, height: 20, fill: colour(number / 2 * 2))
    let metadata = #"{"language": "\#(number % 2 == 0 ? "en" : "ko")", "picture": "p\#(number / 2)"}"#
    try tar.append(
      name: "k\(number).png", bytes: number == 5 ? Array("broken".utf8) : PNGCodec.encode(image))
    try tar.append(name: "k\(number).txt", bytes: Array("\(number) \"그림\"".utf8))
    try tar.append(name: "k\(number).json", bytes: Array(metadata.utf8))
  }
  try tar.finish()
  return [url]
}

func source(_ urls: [URL]) throws -> ShardSource {
  ShardSource(try ShardCatalogue.load(urls), imageSize: 16, pictureKey: "picture", threads: 1)
}

func plan(
  _ sources: [any FeatureSource], partSize: Int = 3, normalised: Bool = false, weights: String = "w"
) -> FeaturePlan {
  FeaturePlan(
    sources: sources, weights: weights, dimension: 4, precision: .fp32, features: .fp32,
    isNormalised: normalised, shards: [], partSize: partSize)
}

func writePicture(_ number: Int, to url: URL) throws {
  try Data(PNGCodec.encode(RGBImage(width: 18, height: 20, fill: colour(number)))).write(to: url)
}
