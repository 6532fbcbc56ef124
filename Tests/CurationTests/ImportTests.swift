import Basics
import Collectives
import Foundation
import Imaging
import ShardStream
import TestFolders
import Testing

@testable import Curation

@Suite struct ImportTests {
  private func run(_ options: ImportOptions, ranks: Int = 1, stopper: Stopper? = nil) throws -> ImportReport {
    var options = options
    options.didWrite = { try stopper?.didWrite($0) }
    let asked = options
    return try ThreadedCommunicator.run(worldSize: ranks) { try ImportRun(asked, communicator: $0).run() }[0]
  }

  private func options(
    _ origin: ImportOptions.Origin, _ output: URL, samplesPerShard: Int = 10
  ) -> ImportOptions {
    var options = ImportOptions(origin, output: output)
    options.samplesPerShard = samplesPerShard
    return options
  }

  /// 33 rows, some of them bad.
  private func table(_ folder: TemporaryFolder) throws -> URL {
    var text = "\u{FEFF}id,filepath,caption,lang\r\n"
    try folder.write("", as: "pictures/x")
    try folder.write(testJPEG(999), as: "outside.jpg")
    for number in 0..<30 {
      try folder.write(testJPEG(number), as: "pictures/p\(number).jpg")
      text +=
        "\(number),p\(number).jpg,\"number \(number),\n그림 \"\"\(number)\"\"\",\(number % 2 == 0 ? "en-US" : "")\r\n"
    }
    text +=
      "30,gone.jpg,missing,en\r\n31,../outside.jpg,leads out,en\r\n32,x,empty file,en\r\n33,p1.jpg,  ,en\r\n34,p2.jpg\r\n"
    return URL(fileURLWithPath: try folder.write(text, as: "pictures/table.csv"))
  }

  @Test func aTableBecomesShards() throws {
    let folder = try TemporaryFolder()
    var asked = options(.table(try table(folder)), folder.file("out"))
    asked.columns = TableColumns(language: "lang")
    let report = try run(asked)
    #expect(report.rows == 35 && report.samples == 30 && report.shards == 4)
    #expect(
      report.skipped == [
        "image_missing": 1, "path_outside": 1, "image_empty": 1, "caption_empty": 1, "fields_missing": 1,
      ])
    let samples = try readShards(folder.file("out"))
    #expect(samples.count == 30 && samples[12].key == "000010002")
    #expect(samples[12].picture == testJPEG(12) && samples[12].caption == "number 12,\n그림 \"12\"")
    #expect(samples[12].object["language"] as? String == "en")
    #expect(samples[12].object["source"] as? String == "p12.jpg")
    let skipped = try String(contentsOf: folder.file("out/skipped.jsonl"), encoding: .utf8).split(
      separator: "\n")
    #expect(
      skipped.count == 5 && skipped[1] == #"{"reason":"path_outside","row":31,"source":"../outside.jpg"}"#)
  }

  @Test func pathsMayLeadOutWhereAllowed() throws {
    let folder = try TemporaryFolder()
    var asked = options(.table(try table(folder)), folder.file("out"))
    asked.allowsOutside = true
    #expect(try run(asked).skipped["path_outside"] == nil)
    let files = ImportFiles(root: folder.file("pictures"), allowsOutside: false)
    try FileManager.default.createSymbolicLink(
      at: folder.file("pictures/link.jpg"), withDestinationURL: folder.file("outside.jpg"))
    for path in ["../outside.jpg", "a/../../outside.jpg", "/etc/passwd", "link.jpg"] {
      #expect(throws: ImportFault.pathOutside) { try files.resolve(path) }
    }
    #expect(throws: Never.self) { try files.resolve("a..b/p.jpg") }
  }

  @Test func aMissingColumnIsToldWithThoseThatThereAre() throws {
    let folder = try TemporaryFolder()
    var asked = options(.table(try table(folder)), folder.file("out"))
    asked.columns = TableColumns(caption: "captoin")
    let wrong = asked
    for ranks in [1, 2] {
      #expect {
        _ = try run(wrong, ranks: ranks)
      } throws: {
        ($0 as? KelipError)?.hint?.contains("did you mean caption?") == true
      }
    }
  }

  @Test func aFolderBecomesShards() throws {
    let folder = try TemporaryFolder()
    for (path, number) in [
      ("b/2.JPG", 2), ("a.jpg", 1), ("b/3.png", 3), ("b/c/4.jpeg", 4), ("b/none.jpg", 5),
    ] {
      try folder.write("", as: "in/" + path)
      let bytes = path.hasSuffix("png") ? PNGCodec.encode(testPicture(number)) : testJPEG(number)
      try folder.write(bytes, as: "in/" + path)
    }
    try folder.write("first\n", as: "in/a.txt")
    try folder.write("\u{FEFF}second", as: "in/b/2.txt")
    try folder.write("file_name,text\n3.png,\"셋째, 그림\"\n2.JPG,not this\n", as: "in/b/metadata.csv")
    try folder.write("fourth", as: "in/b/c/4.txt")
    try folder.write("hidden", as: "in/.git/5.txt")
    let report = try run(options(.folder(folder.file("in")), folder.file("out")))
    #expect(report.samples == 4 && report.skipped == ["caption_missing": 1])
    let samples = try readShards(folder.file("out"))
    #expect(samples.map(\.caption) == ["first", "second", "셋째, 그림", "fourth"])
    #expect(samples.map { $0.object["source"] as? String } == ["a.jpg", "b/2.JPG", "b/3.png", "b/c/4.jpeg"])
    #expect(samples.map { $0.object["language"] as? String } == ["en", "en", "ko", "en"])
  }

  @Test func otherTarsBecomeShards() throws {
    let folder = try TemporaryFolder()
    var tars: [URL] = []
    for number in 0..<3 {
      let tar = try TarWriter(path: folder.file("\(number).tar").path)
      for index in 0..<8 {
        let key = "part/x\(index)"
        try tar.append(name: "\(key).IMG.JPG", bytes: testJPEG(10 * number + index))
        try tar.append(name: "\(key).json", bytes: Array(#"{"alt": "글 \#(index)", "url": "u"}"#.utf8))
      }
      try tar.append(name: "broken.json", bytes: Array("{".utf8))
      try tar.append(name: "twice.img.jpg", bytes: testJPEG(1))
      try tar.append(name: "twice.img.jpg", bytes: testJPEG(1))
      try tar.finish()
      tars.append(folder.file("\(number).tar"))
    }
    var asked = options(.shards(tars), folder.file("out"))
    asked.members = MemberNames(image: "img.jpg", captionKey: "alt")
    let report = try run(asked)
    #expect(report.samples == 24 && report.skipped == ["image_missing": 3, "duplicate_extension": 3])
    let samples = try readShards(folder.file("out"))
    #expect(samples[9].picture == testJPEG(11) && samples[9].caption == "글 1")
    #expect(
      samples[9].object["original_key"] as? String == "part/x1" && samples[9].object["url"] as? String == "u")
    #expect(Set(samples.map(\.key)).count == 24)
  }

  @Test func largePicturesAreMadeSmallerWhereAsked() throws {
    let folder = try TemporaryFolder()
    try folder.write("", as: "in/x")
    try folder.write(testJPEG(1, width: 200, height: 100), as: "in/large.jpg")
    try folder.write(testJPEG(2, width: 64, height: 64), as: "in/small.jpg")
    try folder.write(Array(testJPEG(3).dropLast(30)), as: "in/torn.jpg")
    for name in ["large", "small", "torn"] { try folder.write("a \(name) one", as: "in/\(name).txt") }
    var asked = options(.folder(folder.file("in")), folder.file("out"))
    asked.maxSide = 64
    #expect(try run(asked).skipped == ["image_corrupt": 1])
    let samples = try readShards(folder.file("out"))
    let large = try ImageDecoder.decode(samples[0].picture)
    #expect(
      large.width == 64 && large.height == 32 && samples[1].picture == testJPEG(2, width: 64, height: 64))
  }

  @Test func theResultDoesNotDependOnRanksOrStops() throws {
    let folder = try TemporaryFolder()
    let table = try table(folder)
    _ = try run(options(.table(table), folder.file("out1"), samplesPerShard: 6))
    let whole = try folder.contents(of: "out1")
    #expect(whole.count == 6 + 3)
    for ranks in [2, 3] {
      _ = try run(options(.table(table), folder.file("out\(ranks)"), samplesPerShard: 6), ranks: ranks)
      #expect(try folder.contents(of: "out\(ranks)") == whole)
    }
    for limit in 1...6 {
      let asked = options(.table(table), folder.file("stopped\(limit)"), samplesPerShard: 6)
      for ranks in [1 + limit % 3, 2] {
        #expect(throws: KelipError.self) { try run(asked, ranks: ranks, stopper: Stopper(after: limit)) }
      }
      _ = try run(asked, ranks: 1)
      #expect(try folder.contents(of: "stopped\(limit)") == whole)
    }
  }

  @Test func nothingToImportIsNoError() throws {
    let folder = try TemporaryFolder()
    try folder.write("image,caption\n", as: "t.csv")
    let report = try run(options(.table(folder.file("t.csv")), folder.file("out")), ranks: 2)
    #expect(report == ImportReport(rows: 0, samples: 0, shards: 0, skipped: [:]))
  }
}
