import Basics
import Collectives
import Evaluation
import Foundation
import Imaging
import TestEncoders
import TestFolders
import Testing

@testable import Studies

/// A picture's grey and a caption's number are the same direction.
private func numberEncoder() throws -> StandInEncoder {
  func row(_ number: Int) -> [Float] { (0..<6).map { $0 == number ? 1 : 0.1 } }
  return try StandInEncoder(dimension: 6, picture: { row(Int(($0[0] / 40).rounded())) }) {
    row($0.first!.wholeNumberValue!)
  }
}

@Suite struct CaptionedTests {
  /// Four pictures with 2, 1, 3 and 1 captions, the third's second of another picture; and what lies beside them.
  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for number in 0..<4 {
      let grey = UInt8(40 * number)
      let image = RGBImage(width: 20, height: 20, fill: RGBColour(red: grey, green: grey, blue: grey))
      try Data(PNGCodec.encode(image)).write(to: folder.file("\(number).png"))
    }
    return folder
  }

  private static let captions = [["0 a", "0, \"b\""], ["1 a"], ["2 a", "3 wrong", "2 c"], ["3 a"]]

  private func check(_ pictures: CaptionedPictures, _ skipped: Int = 0) throws {
    for ranks in [1, 2, 3] {
      let found = try ThreadedCommunicator.run(worldSize: ranks) {
        let found = try CaptionedRetrieval(try numberEncoder(), pictures, threads: 1, $0)
        return (found.report, found.skipped.count)
      }
      for (report, count) in found {
        #expect(report.count == 7 && count == skipped && report.chanceRecallAt1 == 0.25)
        // A picture is found by any of its captions: only the fourth loses, against the wrong caption before its own.
        #expect(report.imageToText.recallAt1 == 0.75)
        #expect(report.imageToText.recallAt5 == 1)
        #expect(abs(report.textToImage.recallAt1 - 6 / 7.0) < 1e-12)
      }
    }
  }

  @Test func karpathysJSON() throws {
    let folder = try folder()
    let images = Self.captions.enumerated().map { number, captions in
      [
        "filename": "\(number).png", "split": "test", "imgid": number,
        "sentences": captions.map { ["raw": $0, "tokens": []] },
      ] as [String: Any]
    }
    let other: [String: Any] = ["filename": "9.png", "split": "train", "sentences": [["raw": "9"]]]
    let missing: [String: Any] = [
      "filename": "gone.png", "filepath": "val", "split": "test", "sentences": [["raw": "5"]],
    ]
    let data = try JSONSerialization.data(withJSONObject: [
      "images": images + [other, missing], "dataset": "coco",
    ])
    try data.write(to: folder.file("dataset.json"))
    let pictures = try CaptionedPictures(
      karpathy: folder.file("dataset.json").path, folder: folder.path, split: "test")
    #expect(pictures.entries.count == 5 && pictures.entries[4].path == "\(folder.path)/val/gone.png")
    try check(pictures, 1)
    #expect(throws: KelipError.self) {
      try CaptionedPictures(karpathy: folder.file("dataset.json").path, folder: folder.path, split: "val")
    }
    try Data("[]".utf8).write(to: folder.file("dataset.json"))
    #expect(throws: KelipError.self) {
      try CaptionedPictures(karpathy: folder.file("dataset.json").path, folder: folder.path, split: "test")
    }
  }

  @Test func flickr30ksTables() throws {
    let folder = try folder()
    func quoted(_ text: String) -> String { "\"\(text.replacing("\"", with: "\"\""))\"" }
    let rows = try Self.captions.enumerated().map { number, captions in
      let list = String(decoding: try JSONEncoder().encode(captions), as: UTF8.self)
      return "\(quoted(list)),\"[0]\",test,\(number).png,\(number)"
    }
    let head = "raw,sentids,split,filename,img_id"
    try Data(([head] + rows + ["\"[\"\"x\"\"]\",[1],train,7.png,7"]).joined(separator: "\n").utf8)
      .write(to: folder.file("annotations.csv"))
    let annotated = try CaptionedPictures(
      flickr30k: folder.file("annotations.csv").path, folder: folder.path, split: "test")
    try check(annotated)

    let piped = Self.captions.enumerated().flatMap { number, captions in
      captions.enumerated().map { "\(number).png| \($0)| \($1)" }
    }
    try Data(
      (["image_name| comment_number| comment"] + piped + ["2199200615.jpg| 4   A dog"]).joined(
        separator: "\n"
      ).utf8
    )
    .write(to: folder.file("results.csv"))
    let old = try CaptionedPictures(
      flickr30k: folder.file("results.csv").path, folder: folder.path, split: "test")
    #expect(old == annotated)
  }
}
