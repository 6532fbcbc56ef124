import Basics
import Evaluation
import FeatureStore
import Foundation
import Imaging
import Kernels
import PageServing
import ShardStream
import TestEncoders
import TestFolders
import TestSupport
import Testing

@testable import Search

private let colours: [(name: String, korean: String, colour: RGBColour)] = [
  ("red", "빨강", RGBColour(red: 250, green: 10, blue: 10)),
  ("green", "초록", RGBColour(red: 10, green: 250, blue: 10)),
  ("blue", "파랑", RGBColour(red: 10, green: 10, blue: 250)),
]

private func colourEncoder() throws -> StandInEncoder {
  try StandInEncoder(dimension: 3, picture: { $0 }) { text in
    colours.map { text.contains($0.name) || text.contains($0.korean) ? 1 : 0.1 }
  }
}

/// Three pictures with a caption in either language each, embedded and indexed.
private final class Searchable {
  let folder: TemporaryFolder
  let shards: [String]

  init() throws {
    folder = try TemporaryFolder()
    let tar = try TarWriter(path: folder.file("0.tar").path)
    for (number, caption) in (colours.map { "a \($0.name) square" } + colours.map(\.korean)).enumerated() {
      let image = RGBImage(width: 30, height: 20, fill: colours[number % 3].colour)
      try tar.append(name: "k\(number).png", bytes: PNGCodec.encode(image))
      try tar.append(name: "k\(number).txt", bytes: Array(caption.utf8))
      try tar.append(name: "k\(number).json", bytes: Array(#"{"picture": "p\#(number % 3)"}"#.utf8))
    }
    try tar.finish()
    shards = [folder.file("0.tar").path]
    let catalogue = try ShardCatalogue.load([folder.file("0.tar")])
    let source = ShardSource(catalogue, imageSize: 16, pictureKey: "picture", threads: 1)
    let plan = FeaturePlan(
      sources: [source], weights: "w", dimension: 3, precision: .fp32, features: .fp32, isNormalised: false,
      shards: shards, partSize: 4)
    _ = try FeatureRun(colourEncoder(), [source], plan, into: folder.file("features")).run { _, _ in }
    try IndexBuilder(FeatureFolder(folder.file("features"))).write(to: folder.file("index"))
  }

  func index() throws -> SearchIndex { try SearchIndex(folder.file("index")) }

  func search() throws -> PictureSearch { try PictureSearch(index(), colourEncoder(), weights: "w") }

  func page() throws -> SearchPage {
    SearchPage(try search(), try IndexedPictures(shards: shards, threads: 1))
  }
}

@Suite struct SearchTests {
  @Test func everyPictureIsThereOnce() throws {
    let index = try Searchable().index()
    #expect(index.count == 3 && index.dimension == 3 && index.facts.repeatedCount == 3)
    #expect(try (0..<3).map { try index.row($0).key } == ["k0", "k1", "k2"])
    #expect(try index.row(1).caption == "a green square")
    #expect(try abs(index.features(0).reduce(0) { $0 + $1 * $1 } - 1) < 0.01)
  }

  @Test func textsInBothLanguagesAndPicturesFindTheirLike() throws {
    let place = try Searchable()
    let search = try place.search()
    for (number, colour) in colours.enumerated() {
      for text in [colour.name, colour.korean] {
        #expect(try search.find(text: text, k: 2).map(\.row).first == number, "\(text)")
      }
      let file = place.folder.file("query.png")
      try Data(PNGCodec.encode(RGBImage(width: 9, height: 9, fill: colour.colour))).write(to: file)
      let found = try search.find(picture: file.path, k: 1)
      #expect(found[0].row == number && abs(found[0].score - 1) < 0.01)
      #expect(try search.find(like: number, k: 3).map(\.row).first == number)
    }
    #expect(try search.find(text: "red", k: 9).count == 3)
  }

  @Test func theOrderIsThatOfAllScoresAndTiesGoToTheFirst() throws {
    let (count, dimension) = (301, 20)
    var rows = seededFloats(count * dimension, seed: 1)
    // Two rows that are equal, far apart.
    for place in 0..<dimension { rows[290 * dimension + place] = rows[7 * dimension + place] }
    let folder = try TemporaryFolder()
    try indexed(rows, dimension, in: folder)
    let index = try SearchIndex(folder.file("index"))
    let query = (0..<dimension).map { rows[7 * dimension + $0] }
    let found = try index.best(query, k: count)
    let scores = try (0..<count).map { row in
      zip(try index.features(row), query).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    }
    let length = query.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(found[0].index == 7 && found[1].index == 290 && found[0].score == found[1].score)
    #expect(Set(found.map(\.index)).count == count)
    for (one, next) in zip(found, found.dropFirst()) { #expect(one < next) }
    for one in found { #expect(abs(Double(one.score) - scores[one.index] / length) < 1e-5) }
  }

  /// An index of made-up features: a source that knows them stands for pictures.
  private func indexed(_ rows: [Float], _ dimension: Int, in folder: TemporaryFolder) throws {
    let source = MadeUpRows(count: rows.count / dimension)
    let encoder = try StandInEncoder(
      dimension: dimension,
      picture: { colour in
        let number = Int(colour[0].rounded()) + 256 * Int(colour[1].rounded())
        return Array(rows[number * dimension..<(number + 1) * dimension])
      }, text: { _ in [] })
    let plan = FeaturePlan(
      sources: [source], weights: "w", dimension: dimension, precision: .fp32, features: .fp32,
      isNormalised: false, shards: [], partSize: 100)
    _ = try FeatureRun(encoder, [source], plan, into: folder.file("features")).run { _, _ in }
    try IndexBuilder(FeatureFolder(folder.file("features"))).write(to: folder.file("index"))
  }

  @Test func anotherModelAndDamageAreTold() throws {
    let place = try Searchable()
    let error = #expect(throws: KelipError.self) {
      try PictureSearch(place.index(), colourEncoder(), weights: "x")
    }
    #expect(error?.message.contains("another model") == true)
    #expect(throws: KelipError.self) {
      try IndexBuilder(FeatureFolder(place.folder.file("features"))).write(to: place.folder.file("index"))
    }
    let rows = place.folder.file("index/rows.jsonl")
    let handle = try FileHandle(forWritingTo: rows)
    try handle.truncate(atOffset: 10)
    #expect(throws: KelipError.self) { try place.index() }
    try FileManager.default.removeItem(at: rows)
    #expect(throws: KelipError.self) { try place.index() }
  }
}

/// Pictures that tell their number by their colour.
private struct MadeUpRows: FeatureSource {
  let kind = SourceKind.pictures
  let count: Int
  let identity = "made up"

  func read(_ numbers: Range<Int>) -> SourceBatch {
    let preparation = ImagePreparation(size: 16)
    let pixels = numbers.flatMap { number in
      let colour = RGBColour(red: UInt8(number % 256), green: UInt8(number / 256), blue: 0)
      return [Float](unsafeUninitializedCapacity: preparation.valueCount) { buffer, filled in
        preparation.prepare(RGBImage(width: 16, height: 16, fill: colour), seed: 0, into: buffer)
        filled = preparation.valueCount
      }
    }
    return SourceBatch(rows: numbers.map { FeatureRow(key: "n\($0)") }, pixels: pixels)
  }
}

@Suite struct SearchPageTests {
  private func ask(_ page: SearchPage, _ path: String) throws -> PageResponse {
    page.response(to: try #require(PageRequest(head: "GET \(path) HTTP/1.1")))
  }

  private func pictures(_ response: PageResponse) throws -> [[String: Any]] {
    let object = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
    return try #require(object?["pictures"] as? [[String: Any]])
  }

  @Test func queriesAreAnsweredWithPictures() throws {
    let place = try Searchable()
    defer { withExtendedLifetime(place) {} }
    let page = try place.page()
    let found = try pictures(ask(page, "/search.json?q=%EC%B4%88%EB%A1%9D&k=2"))
    #expect(found.count == 2 && found[0]["row"] as? Int == 1)
    #expect(found[0]["caption"] as? String == "a green square")
    #expect(try pictures(ask(page, "/search.json?like=2"))[0]["row"] as? Int == 2)
    let picture = try ask(page, "/picture.jpg?row=0")
    #expect(picture.type == "image/jpeg")
    let image = try picture.body.withUnsafeBytes { try ImageDecoder.decode($0, upright: true) }
    #expect(image.width == 256 && image[128, 128].red > 200)
    #expect(String(decoding: try ask(page, "/").body, as: UTF8.self).contains("kelip search"))
  }

  @Test(arguments: [
    ("/search.json", 400), ("/search.json?q=", 400), ("/search.json?q=%FF", 400),
    ("/search.json?like=3", 400), ("/search.json?like=-1", 400), ("/picture.jpg?row=3", 404),
    ("/picture.jpg", 404), ("/picture.jpg?row=x", 404), ("/absent", 404),
  ])
  func whatIsNotThere(path: String, status: Int) throws {
    let place = try Searchable()
    defer { withExtendedLifetime(place) {} }
    #expect(try ask(place.page(), path).status.rawValue == status)
  }

  @Test func aPictureThatIsGoneIsTold() throws {
    let place = try Searchable()
    let page = SearchPage(try place.search(), try IndexedPictures(shards: [], threads: 1))
    let answer = try ask(page, "/picture.jpg?row=0")
    #expect(answer.status == .notFound)
    #expect(String(decoding: answer.body, as: UTF8.self).contains("not those of the index"))
  }
}
