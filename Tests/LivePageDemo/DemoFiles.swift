import Basics
import Foundation
import Imaging
import RunService

/// What a run leaves in its directory: records, event files, an evaluation.
struct DemoFiles {
  private let metrics: JSONLinesFile
  private let events: EventFile

  init(_ directory: RunDirectory, resumingAt step: Int) throws {
    metrics = try JSONLinesFile(at: directory.metrics, keepingThrough: step)
    events = try EventFile(
      in: directory.tensorboard, firstStep: step + 1, wallTime: Date().timeIntervalSince1970)
  }

  func write(step: Int, _ values: [(name: String, value: Double)]) throws {
    let shown = values.map { ($0.name, JSONText.number($0.value)) }
    try metrics.append(.object([("step", .integer(step))] + shown))
    events.append(
      step: step, wallTime: Date().timeIntervalSince1970, scalars: values.map { ($0.name, $0.value) })
  }

  func synchronize() throws {
    try metrics.synchronize()
    try events.synchronize()
  }

  static func writeEvaluation(_ directory: RunDirectory, step: Int) throws {
    try FileManager.default.createDirectory(at: directory.evaluations, withIntermediateDirectories: true)
    func recalls(_ factor: Double) -> [(String, JSONText)] {
      let ways = ["text_to_image", "image_to_text"]
      let values = ways.flatMap { way in
        [(1, 0.31), (5, 0.58), (10, 0.71)].map { ("\(way)_R@\($0.0)", JSONText.number($0.1 * factor)) }
      }
      return values + [("chance_R@1", .number(1 / 208.0))]
    }
    let queries: [(String, Int, [String])] = [
      ("나무 위의 빨간 새", 1, ["빨간 새", "a red bird on a branch", "앵무새"]),
      ("a slice of <b>watermelon</b> & friends", 2, ["a melon", "수박 한 조각", "a strawberry"]),
      ("눈 덮인 산과 호수", 4, ["a lake", "푸른 하늘", "a tent"]),
    ]
    let text = JSONText.object([
      ("step", .integer(step)), ("pairs", .integer(208)),
      (
        "sets",
        .array([
          .object([("data", .string("validation")), ("language", .string("ko"))] + recalls(0.9)),
          .object([("data", .string("validation")), ("language", .string("en"))] + recalls(1.1)),
        ])
      ),
      (
        "queries",
        .array(
          queries.map { query, rank, results in
            .object([
              ("query", .string(query)), ("rank", .integer(rank)),
              ("results", .array(results.map(JSONText.string))),
            ])
          })
      ),
    ]).text
    try AtomicFile.write(Data(text.utf8), to: directory.evaluations.appendingPathComponent("latest.json"))
    try AtomicFile.write(Data(picture()), to: directory.evaluations.appendingPathComponent("latest.png"))
  }

  /// Three rows of squares in colours of their own.
  private static func picture() -> [UInt8] {
    let (columns, rows, side) = (6, 3, 110)
    var image = RGBImage(
      width: columns * side, height: rows * side, fill: RGBColour(red: 250, green: 250, blue: 250))
    for y in 0..<image.height {
      for x in 0..<image.width where x % side > 6 && y % side > 6 {
        let cell = y / side * columns + x / side
        let start = (y * image.width + x) * 3
        image.pixels[start] = UInt8((cell * 53 + x) % 256)
        image.pixels[start + 1] = UInt8((cell * 97 + y) % 256)
        image.pixels[start + 2] = UInt8(cell * 191 % 256)
      }
    }
    return PNGCodec.encode(image)
  }
}
