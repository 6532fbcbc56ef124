import Basics
import Collectives
import Evaluation
import Foundation
import Imaging
import ShardStream
import TestEncoders
import TestFolders
import Testing
import Tokenization

@testable import Studies

private let shownCaptions = [
  "big red ball", "big blue ball", "red box", "blue box", "red ball", "blue ball", "a cat",
]

private func shade(_ number: Int) -> UInt8 { UInt8(30 * number + 10) }

/// Sees what a picture's caption says, by the picture's grey, and knows what words mean.
private func captionEncoder() throws -> StandInEncoder {
  func meaning(_ text: String) -> [Float] {
    let words = [["red", "빨간"], ["blue", "파란"], ["ball", "공"], ["box", "상자"], ["big", "큰"]]
    return words.map { same in same.contains { text.contains($0) } ? 1 : 0.01 }
  }
  return try StandInEncoder(
    dimension: 5, picture: { meaning(shownCaptions[Int((($0[0] - 10) / 30).rounded())]) }, text: meaning)
}

@Suite struct GalleryTests {
  /// Every picture twice, once with a caption that is no English; and one that is broken.
  private func shards() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let tar = try TarWriter(path: folder.file("0.tar").path)
    for (number, caption) in (shownCaptions + shownCaptions).enumerated() {
      let picture = number % shownCaptions.count
      let isFirst = number < shownCaptions.count
      let grey = shade(picture)
      let image = RGBImage(width: 20, height: 20, fill: RGBColour(red: grey, green: grey, blue: grey))
      let metadata = #"{"picture": "p\#(picture)", "language": "\#(isFirst ? "en" : "ko")"}"#
      try tar.append(name: "k\(number).png", bytes: PNGCodec.encode(image))
      try tar.append(name: "k\(number).txt", bytes: Array((isFirst ? caption : "그림 \(picture)").utf8))
      try tar.append(name: "k\(number).json", bytes: Array(metadata.utf8))
    }
    try tar.append(name: "broken.png", bytes: Array("broken".utf8))
    try tar.append(name: "broken.txt", bytes: Array("a broken one".utf8))
    try tar.finish()
    return folder
  }

  private func gallery(_ folder: TemporaryFolder, _ communicator: any Communicator = SoloCommunicator())
    throws
    -> Gallery
  {
    try Gallery(
      try captionEncoder(), shards: [folder.path], pictureKey: "picture", threads: 1, communicator)
  }

  @Test(arguments: [1, 2, 3]) func everyPictureIsThereOnceOnAnyNumberOfRanks(ranks: Int) throws {
    let folder = try shards()
    let found = try ThreadedCommunicator.run(worldSize: ranks) { communicator in
      let gallery = try gallery(folder, communicator)
      return (gallery.keys, gallery.captions, gallery.features.images, gallery.skipped)
    }
    for (keys, captions, features, skipped) in found {
      #expect(keys == (0..<7).map { "k\($0)" } && captions == shownCaptions)
      #expect(features == found[0].2 && skipped.values.reduce(0, +) == 1)
    }
  }

  @Test func sumsOfFeaturesFindWhatTheyShould() throws {
    let folder = try shards()
    let gallery = try gallery(folder)
    let search = AnalogySearch(try captionEncoder(), gallery)
    func captions(_ sum: String, k: Int = 1) throws -> [String] {
      try search.find(try Arithmetic(sum), k: k).map { gallery.captions[$0.index] }
    }
    #expect(try captions("sample:k2 - text:red + text:blue") == ["blue box"])
    #expect(try captions("text:red + text:box") == ["red box"])
    #expect(try captions("text:red ball + 0.6*text:big") == ["big red ball"])
    try Data(PNGCodec.encode(try gallery.picture(4))).write(to: folder.file("red ball.png"))
    #expect(
      try captions("image:\(folder.file("red ball.png").path) - text:ball + text:box", k: 2).contains(
        "red box"))
    // What is asked with is no answer.
    #expect(try !captions("sample:k2", k: 7).contains("red box"))
    #expect(throws: KelipError.self) { try captions("sample:nothing") }
    let sheet = try search.sheet([("a sum", try search.find(try Arithmetic("text:red"), k: 3))])
    #expect(sheet.groups.count == 1 && sheet.groups[0].tiles.count == 3)
  }

  @Test(arguments: ["", "cat", "text:", "video:a", "x*text:a", "text:a +", "- - text:"]) func badSums(
    _ text: String
  ) {
    #expect(throws: KelipError.self) { try Arithmetic(text) }
  }

  @Test func sumsAreReadAsTheyAreWritten() throws {
    let sum = try Arithmetic("image:a b.jpg - 0.5*text:day and 2*3 + sample:k1")
    #expect(
      sum.terms == [
        .init(weight: 1, kind: .image, value: "a b.jpg"),
        .init(weight: -0.5, kind: .text, value: "day and 2*3"),
        .init(weight: 1, kind: .sample, value: "k1"),
      ])
    #expect(try Arithmetic("- text:a").terms == [.init(weight: -1, kind: .text, value: "a")])
  }

  @Test func questionsAreCaptionsThatDifferInAWord() {
    let triples = AnalogyTriples(captions: shownCaptions, minimum: 3).triples
    // red ↔ blue: in "big _ ball", "_ box" and "_ ball". box ↔ ball only in two.
    #expect(triples.count == 6)
    #expect(triples[0] == .init(source: 0, from: "red", to: "blue", target: "big blue ball"))
    #expect(AnalogyTriples(captions: shownCaptions, minimum: 2).triples.count == 10)
    #expect(AnalogyTriples(captions: ["one", "two"], minimum: 1).triples.isEmpty)
  }

  @Test func theBenchmarkTellsArithmeticFromThePictureAlone() throws {
    let folder = try shards()
    let gallery = try gallery(folder)
    let triples = AnalogyTriples(captions: gallery.captions, minimum: 3)
    let found = AnalogyBenchmark(try captionEncoder(), gallery, triples, weights: [0, 1])
    #expect(found.count == 6 && found.rows.map(\.weight) == [0, 1])
    #expect(found.rows[1].recallAt1 == 1 && found.rows[1].recallAt5 == 1)
    #expect(found.rows[0].recallAt1 < 0.5)
  }

  @Test func wordsOfTheSameMeaningCallUpTheSame() throws {
    let folder = try shards()
    try Data("words: [{ko: 빨간 공, en: red ball}, {ko: 파란, en: red}]".utf8).write(to: folder.file("w.yaml"))
    let words = try WordPairs(contentsOf: folder.file("w.yaml").path)
    let report = CultureReport(try captionEncoder(), words, try gallery(folder), k: 3)
    #expect(report.entries.map(\.overlap) == [1, 0] && report.meanOverlap == 0.5)
    #expect(report.chanceOverlap == 3 / 7.0)
    let sheet = try report.sheet(shown: 2)
    #expect(sheet.groups.map(\.title) == ["빨간 공", "red ball", "파란", "red"])
    #expect(sheet.groups[0].tiles.allSatisfy { $0.note == "found by both" })
    try Data("words: [{ko: 집}]".utf8).write(to: folder.file("w.yaml"))
    #expect(throws: KelipError.self) { try WordPairs(contentsOf: folder.file("w.yaml").path) }
  }
}
