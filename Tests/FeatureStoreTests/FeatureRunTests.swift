import Basics
import Checkpointing
import Collectives
import Foundation
import ShardStream
import TestFolders
import Testing

@testable import FeatureStore

@Suite struct FeatureRunTests {
  private func bytes(_ folder: URL) throws -> [String: Data] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return try names.reduce(into: [:]) { $0[$1] = try Data(contentsOf: folder.appendingPathComponent($1)) }
  }

  @Test func rowsAndFeaturesAreThoseOfTheSamples() throws {
    let folder = try TemporaryFolder()
    let pairs = try source(shards(8, in: folder))
    let place = folder.file("features")
    let leftOut = try FeatureRun(encoder(), [pairs], plan([pairs]), into: place).run { _, _ in }
    #expect(leftOut.values.reduce(0, +) == 1)
    let found = try FeatureFolder(place)
    let parts = found.plan.parts
    #expect(parts.map(\.items) == [0..<3, 3..<6, 6..<8])
    let rows = try parts.flatMap { try found.rows($0) }
    let numbers = [0, 1, 2, 3, 4, 6, 7]
    #expect(rows.map(\.sample) == numbers && rows.map(\.key) == numbers.map { "k\($0)" })
    #expect(rows.map(\.caption) == numbers.map { "\($0) \"그림\"" })
    #expect(rows.map(\.picture) == numbers.map { "p\($0 / 2)" } && rows[1].language == "ko")
    let images = try parts.flatMap { try found.reader($0).floats(named: FeaturePart.images) }
    let texts = try parts.flatMap { try found.reader($0).floats(named: FeaturePart.texts) }
    let shades = numbers.map { $0 / 2 * 2 }
    let expectedImages: [[Float]] = shades.map { [Float($0), 100, Float(255 - $0), 1] }
    let expectedTexts: [[Float]] = numbers.map { [Float($0), 1, 0, 0] }
    #expect(images == expectedImages.flatMap { $0 })
    #expect(texts == expectedTexts.flatMap { $0 })
  }

  @Test func picturesMayComeAlone() throws {
    let folder = try TemporaryFolder()
    let catalogue = try ShardCatalogue.load(shards(8, in: folder))
    let pictures = ShardSource(
      catalogue, imageSize: 16, pictureKey: "picture", picturesOnly: true, threads: 1)
    let place = folder.file("features")
    _ = try FeatureRun(encoder(), [pictures], plan([pictures]), into: place).run { _, _ in }
    let found = try FeatureFolder(place)
    let part = try #require(found.plan.parts.first)
    #expect(part.name == "pictures-00000")
    #expect(try found.reader(part).tensors.map(\.name) == [FeaturePart.images])
    #expect(try found.rows(part).map(\.caption) == (0..<3).map { "\($0) \"그림\"" })
  }

  @Test(arguments: [1, 2, 3, 5]) func anyNumberOfRanksWritesTheSameBytes(ranks: Int) throws {
    let folder = try TemporaryFolder()
    let pairs = try source(shards(11, in: folder))
    let (alone, shared) = (folder.file("alone"), folder.file("shared"))
    _ = try FeatureRun(encoder(), [pairs], plan([pairs]), into: alone).run { _, _ in }
    _ = try ThreadedCommunicator.run(worldSize: ranks) { communicator in
      try FeatureRun(encoder(), [pairs], plan([pairs]), into: shared).run(communicator) { _, _ in }
    }
    #expect(try bytes(shared) == bytes(alone))
  }

  @Test func whatIsThereStays() throws {
    let folder = try TemporaryFolder()
    let pairs = try source(shards(10, in: folder))
    let place = folder.file("features")
    let run = try FeatureRun(encoder(), [pairs], plan([pairs]), into: place)
    _ = try run.run { _, _ in }
    let whole = try bytes(place)
    let parts = plan([pairs]).parts
    // As a process leaves it that was killed between the rows and the features of a part.
    try FileManager.default.removeItem(at: parts[1].features(in: place))
    try FileManager.default.removeItem(at: parts[3].features(in: place))
    try FileManager.default.removeItem(at: parts[3].rows(in: place))
    #expect(throws: KelipError.self) { try FeatureFolder(place) }
    let kept = try FileManager.default.attributesOfItem(atPath: parts[0].features(in: place).path)
    var told: [Int] = []
    _ = try run.run { done, _ in told.append(done) }
    #expect(told == [3, 4])
    #expect(try bytes(place) == whole)
    let after = try FileManager.default.attributesOfItem(atPath: parts[0].features(in: place).path)
    #expect(after[.systemFileNumber] as? Int == kept[.systemFileNumber] as? Int)
  }

  @Test func anotherPlanIsRefused() throws {
    let folder = try TemporaryFolder()
    let pairs = try source(shards(4, in: folder))
    let place = folder.file("features")
    try plan([pairs]).begin(in: place)
    try plan([pairs]).begin(in: place)
    let others = [
      (plan([pairs], weights: "x"), "weights"), (plan([pairs], partSize: 4), "part size"),
      (plan([pairs], normalised: true), "scaling"), (plan([TextSource(["a"])]), "input"),
    ]
    for (other, word) in others {
      let error = #expect(throws: KelipError.self) { try other.begin(in: place) }
      #expect(error?.message.contains(word) == true, "\(word)")
    }
    #expect(throws: KelipError.self) { try FeatureFolder(folder.file("absent")) }
  }

  @Test func filesAndTextsAreSourcesToo() throws {
    let folder = try TemporaryFolder()
    for number in 0..<3 { try writePicture(number, to: folder.file("\(number).png")) }
    try Data("no picture".utf8).write(to: folder.file("3.png"))
    let paths = (0..<4).map { folder.file("\($0).png").path }
    let pictures = PictureSource(paths, imageSize: 16, leavesOut: true, threads: 1)
    let texts = TextSource(["7 seven", "", "9"])
    let place = folder.file("features")
    let all = plan([pictures, texts], normalised: true)
    let leftOut = try FeatureRun(encoder(), [pictures, texts], all, into: place).run { _, _ in }
    #expect(leftOut.count == 1 && leftOut.values.first == 1)
    let found = try FeatureFolder(place)
    let keys = try found.plan.parts.flatMap { try found.rows($0).map(\.key) }
    #expect(keys == paths.prefix(3) + ["1", "2", "3"])
    let last = try found.reader(found.plan.parts.last!).floats(named: FeaturePart.texts)
    let unit: Float = 7 / Float(50).squareRoot()
    #expect(abs(last[0] - unit) < 1e-6 && last[4] == 0)
    let strict = PictureSource(paths, imageSize: 16, leavesOut: false, threads: 1)
    let error = #expect(throws: KelipError.self) {
      try FeatureRun(encoder(), [strict], plan([strict]), into: folder.file("strict")).run { _, _ in }
    }
    #expect(error?.location == paths[3])
  }

  @Test func aFileIsTheJoinedParts() throws {
    let folder = try TemporaryFolder()
    let pairs = try source(shards(8, in: folder))
    let place = folder.file("f.parts")
    _ = try FeatureRun(encoder(), [pairs], plan([pairs]), into: place).run { _, _ in }
    let export = FeatureExport(try FeatureFolder(place))
    let written = try export.write(to: folder.file("f.safetensors"))
    #expect(written.rows == [FeaturePart.images: 7, FeaturePart.texts: 7])
    let reader = try SafetensorsReader(folder.file("f.safetensors"))
    #expect(try reader.tensor(named: FeaturePart.images).shape == [7, 4])
    let texts = try reader.floats(named: FeaturePart.texts)
    #expect(stride(from: 0, to: 28, by: 4).map { texts[$0] } == [0, 1, 2, 3, 4, 6, 7])
    let lines = try String(contentsOf: folder.file("f-pairs.jsonl"), encoding: .utf8)
    #expect(lines.split(separator: "\n").count == 7)
    let arrays = try export.write(to: folder.file("g.npy"))
    #expect(
      arrays.paths.map { URL(fileURLWithPath: $0).lastPathComponent } == [
        "g-images.npy", "g-texts.npy", "g-pairs.jsonl",
      ])
    let array = try Data(contentsOf: folder.file("g-texts.npy"))
    #expect(array.count == 128 + 7 * 4 * 4 && array.prefix(6) == Data([0x93] + Array("NUMPY".utf8)))
    #expect(array.dropFirst(10).prefix(118).contains(UInt8(ascii: "7")) && array[127] == 0x0A)
    #expect(array.suffix(112) == texts.withUnsafeBytes { Data($0) })
  }
}
