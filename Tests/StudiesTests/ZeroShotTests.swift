import Basics
import Captions
import Collectives
import Evaluation
import Foundation
import Imaging
import ShardStream
import TestEncoders
import TestFolders
import Testing

@testable import Studies

/// Sees the mean colour of a picture, and knows the words for three colours.
private func colourEncoder() throws -> StandInEncoder {
  try StandInEncoder(dimension: 3, picture: { $0 }) { caption in
    let words = [["red", "빨강"], ["green", "초록"], ["blue", "파랑"]]
    return words.map { $0.contains(where: caption.contains) ? 1 : 0.1 }
  }
}

private let colours: [(label: String, colour: RGBColour)] = [
  ("blue", RGBColour(red: 0, green: 0, blue: 255)), ("green", RGBColour(red: 0, green: 255, blue: 0)),
  ("red", RGBColour(red: 255, green: 0, blue: 0)),
]

private func picture(_ colour: RGBColour) -> [UInt8] {
  PNGCodec.encode(RGBImage(width: 20, height: 17, fill: colour))
}

/// DIR/LABEL/NUMBER.png: two of each colour, and a red one that lies with the blue.
private func colourFolder() throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  for (label, colour) in colours {
    let place = folder.file("\(label)/below")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    try Data(picture(colour)).write(to: folder.file("\(label)/1.png"))
    try Data(picture(colour)).write(to: place.appendingPathComponent("2.PNG"))
    try Data("no picture".utf8).write(to: folder.file("\(label)/notes.txt"))
  }
  try Data(picture(colours[2].colour)).write(to: folder.file("blue/3.png"))
  return folder
}

@Suite struct ZeroShotTests {
  private func classifier(_ language: String = "en") throws -> ZeroShotClassifier {
    let names = ["blue": "파랑", "green": "초록", "red": "빨강"]
    let yaml = names.sorted { $0.key < $1.key }
      .map { "- {label: \($0.key), en: [\($0.key), \($0.key) thing], ko: \($0.value)}" }.joined(
        separator: "\n")
    let folder = try TemporaryFolder()
    try Data("classes:\n\(yaml)\n".utf8).write(to: folder.file("classes.yaml"))
    let list = try ClassList(contentsOf: folder.file("classes.yaml").path, languages: ["en", "ko"])
    return ZeroShotClassifier(
      try colourEncoder(), list, language: language,
      prompts: [NameTemplate("a {} picture")!, NameTemplate("{}을/를 칠한 그림")!])
  }

  @Test(arguments: ["en", "ko"], [1, 2, 3]) func coloursAreToldByTheirNames(language: String, ranks: Int)
    throws
  {
    let folder = try colourFolder()
    try Data("broken".utf8).write(to: folder.file("green/4.png"))
    let pictures = try PictureFiles(folderPerClass: folder.path)
    let found = try ThreadedCommunicator.run(worldSize: ranks) {
      try classifier(language).report(on: pictures, threads: 2, $0)
    }
    for (report, skipped) in found {
      #expect(report.labels == ["blue", "green", "red"])
      #expect(report.confusion == [[2, 0, 1], [0, 2, 0], [0, 0, 2]])
      #expect(skipped.values.reduce(0, +) == 1)
      #expect(abs(report.top1 - 6 / 7.0) < 1e-12 && report.top5 == 1)
      #expect(abs(report.meanPerClass - (2 / 3.0 + 1 + 1) / 3) < 1e-12)
    }
  }

  @Test func tablesAndFoldersGiveTheSamePictures() throws {
    let folder = try colourFolder()
    let byFolder = try PictureFiles(folderPerClass: folder.path)
    #expect(byFolder.labels == ["blue", "blue", "blue", "green", "green", "red", "red"])
    let rows = (0..<byFolder.labels.count).map {
      "\(byFolder.labels[$0]),\"\(byFolder.name($0).dropFirst(folder.path.count + 1))\""
    }
    try Data(("label,image\n" + rows.joined(separator: "\n")).utf8).write(to: folder.file("table.csv"))
    let byTable = try PictureFiles(table: folder.file("table.csv").path)
    #expect(byTable.labels == byFolder.labels)
    let preparation = ImagePreparation(size: 16)
    for number in byTable.labels.indices {
      #expect(try byTable.pixels(number, preparation) == byFolder.pixels(number, preparation))
    }
    try Data("picture,label\na,b\n".utf8).write(to: folder.file("other.csv"))
    let error = #expect(throws: KelipError.self) { try PictureFiles(table: folder.file("other.csv").path) }
    #expect(error?.message == "the columns are picture, label")
  }

  @Test(arguments: [1, 2]) func cifarIsReadPlaneByPlane(labelBytes: Int) throws {
    let folder = try TemporaryFolder()
    let (names, file) =
      labelBytes == 1 ? ("batches.meta.txt", "test_batch.bin") : ("fine_label_names.txt", "test.bin")
    try Data("blue\ngreen\nred\n\n".utf8).write(to: folder.file(names))
    var bytes: [UInt8] = []
    for label in [2, 0] {
      bytes += [UInt8](repeating: 9, count: labelBytes - 1) + [UInt8(label)]
      for plane in 0..<3 {
        bytes += (0..<1024).map { UInt8(truncatingIfNeeded: $0 % 32 + 50 * plane + label) }
      }
    }
    try Data(bytes).write(to: folder.file(file))
    let pictures = try CIFARPictures(folder.file(file).path)
    #expect(pictures.labels == ["red", "blue"])
    #expect(pictures.picture(0)[5, 31] == RGBColour(red: 7, green: 57, blue: 107))
    #expect(try pictures.pixels(1, ImagePreparation(size: 16)).count == 3 * 16 * 16)
    try Data(bytes.dropLast()).write(to: folder.file(file))
    #expect(throws: KelipError.self) { try CIFARPictures(folder.file(file).path) }
    try Data([UInt8](repeating: 77, count: 3072 + labelBytes)).write(to: folder.file(file))
    let error = #expect(throws: KelipError.self) { try CIFARPictures(folder.file(file).path) }
    #expect(error?.message == "record 0 is of class 77, of 3")
  }

  @Test func figuresOfKnownAnswers() {
    var report = ClassificationReport(labels: ["a", "b", "c", "d", "e", "f", "g"])
    report.add(0, best: [0, 1, 2, 3, 4])
    report.add(0, best: [1, 2, 3, 4, 0])
    report.add(1, best: [0, 2, 3, 4, 5])
    #expect(report.count == 3 && abs(report.top1 - 1 / 3.0) < 1e-12 && abs(report.top5 - 2 / 3.0) < 1e-12)
    #expect(report.meanPerClass == 0.25 && report.accuracy(2) == nil)
    var twice = report
    twice.add(report.counts)
    #expect(twice.count == 6 && twice.top1 == report.top1 && twice.top5 == report.top5)
    #expect(ClassificationReport(labels: ["a"]).top1 == 0)
    let map = report.confusionMap(title: "t")
    #expect(map.values[0][0] == 0.5 && map.values[2][2] == nil)
  }

  @Test func badListsAreToldWhere() throws {
    let folder = try TemporaryFolder()
    func list(_ text: String) throws -> ClassList {
      try Data(text.utf8).write(to: folder.file("classes.yaml"))
      return try ClassList(contentsOf: folder.file("classes.yaml").path, languages: ["ko"])
    }
    for text in [
      "classes: []", "classes: [{label: a, en: a}]", "classes: [{label: a, ko: 가}, {label: a, ko: 나}]",
      "classes: [{label: a, also: [b], ko: 가}, {label: b, ko: 나}]",
      "other: 1",
    ] {
      #expect(throws: KelipError.self, "\(text)") { try list(text) }
    }
    #expect(try list("classes: [{label: a, ko: [가, 각]}]").classes[0].names == ["ko": ["가", "각"]])
    let merged = try list("classes: [{label: a, also: [b, c], ko: 가}, {label: d, ko: 라}]")
    #expect(merged.labels == ["a", "d"] && merged.places == ["a": 0, "b": 0, "c": 0, "d": 1])
    try Data("# nothing\n\n".utf8).write(to: folder.file("ko.txt"))
    #expect(throws: KelipError.self) { try PromptFile.read(folder.file("ko.txt").path) }
    try Data("사진\n".utf8).write(to: folder.file("ko.txt"))
    let error = #expect(throws: KelipError.self) { try PromptFile.read(folder.file("ko.txt").path) }
    #expect(error?.message == "line 1 has no place for a name: 사진")
  }

  /// The shipped prompts: each gives a sentence whose particles go with the name.
  @Test(arguments: ["ko", "en"]) func shippedPromptsTakeNames(language: String) throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let prompts = try PromptFile.read(root.appendingPathComponent("configs/prompts/\(language).txt").path)
    #expect(prompts.count >= 40 && Set(prompts.map(\.text)).count == prompts.count)
    for prompt in prompts {
      let filled = prompt.filled(with: language == "ko" ? "사과" : "apple")
      // No notation of two forms is left.
      #expect(!filled.contains("/") && !filled.contains("(") && !filled.contains("{"), "\(filled)")
    }
  }
}
