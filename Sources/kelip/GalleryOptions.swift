import ArgumentParser
import Basics
import Charts
import Collectives
import Evaluation
import Foundation
import Studies

/// Where a study finds its pictures.
struct GalleryOptions: ParsableArguments {
  @Option(parsing: .upToNextOption, help: "Shards with the pictures.") var data: [String]
  @Option(help: "The metadata's key that is the same for the same picture.") var pictureKey = "picture"
  @Option(help: "The first so many pictures.") var pictures: Int?

  func validate() throws {
    if let pictures, pictures < 1 { throw ValidationError("--pictures must be at least 1") }
  }

  /// Every rank calls it.
  func gallery(
    _ encoder: any FeatureEncoder, language: String? = nil, _ communicator: any Communicator
  ) throws -> Gallery {
    let gallery = try Gallery(
      encoder, shards: data, pictureKey: pictureKey, language: language, limit: pictures,
      threads: communicator.decodeThreads, communicator)
    if communicator.isLeader { tellLeftOut(gallery.skipped) }
    return gallery
  }
}

extension SampleSheet {
  func write(to path: String) throws {
    try draw(font: ChartFont.open()).writePNG(to: URL(fileURLWithPath: path))
  }
}
