import Basics
import Foundation

/// `evaluations/`: what each validation found.
struct EvaluationRecords {
  /// One language of one validation, its numbers by their keys.
  struct Entry: Equatable {
    var step: Int
    var language: String
    /// Nil for what is not finite.
    var values: [String: Double?]
  }

  /// By growing step; in the files' order of languages.
  private(set) var entries: [Entry] = []
  /// Files beyond the first and last ones that are read.
  private(set) var unreadCount = 0
  /// `latest.png`.
  private(set) var picture: Data?
  private(set) var notes: [String] = []

  private static let maximumFiles = 200
  private static let maximumFileBytes = 4 << 20
  private static let maximumPictureBytes = 32 << 20
  private static let pictureMark: [UInt8] = [0x89, 0x50, 0x4E, 0x47]

  /// - Parameter folder: it need not be there.
  init(folder: URL) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    let files = names.compactMap { name in Self.step(ofName: name).map { (step: $0, name: name) } }
      .sorted { ($0.step, $0.name) < ($1.step, $1.name) }
    let read = Self.spread(files, Self.maximumFiles)
    unreadCount = files.count - read.count
    for file in read { add(folder.appendingPathComponent(file.name), step: file.step) }
    readPicture(folder.appendingPathComponent("latest.png"))
  }

  private static func step(ofName name: String) -> Int? {
    name.wholeMatch(of: /step-(\d+)\.json/).flatMap { Int($0.1) }
  }

  /// Every so many, with the last.
  private static func spread<Element>(_ all: [Element], _ count: Int) -> [Element] {
    guard all.count > count else { return all }
    let every = (all.count + count - 1) / count
    return all.enumerated().filter { $0.offset.isMultiple(of: every) || $0.offset == all.count - 1 }.map(
      \.element)
  }

  private mutating func add(_ url: URL, step: Int) {
    do {
      guard let data = try SmallFile.read(url, atMost: Self.maximumFileBytes) else { return }
      guard let values = data.withUnsafeBytes(FlatJSON.values) else {
        throw KelipError("not JSON", at: url.path)
      }
      entries += Self.entries(values, step)
    } catch {
      notes.append("\(error)")
    }
  }

  private static func entries(_ values: [String: FlatJSON.Value], _ step: Int) -> [Entry] {
    var result: [Entry] = []
    while case .text(let language)? = values["validation.\(result.count).language"] {
      let head = "validation.\(result.count)."
      let own = values.filter { $0.key.hasPrefix(head) }.compactMap { key, value -> (String, Double?)? in
        switch value {
        case .number(let number): (String(key.dropFirst(head.count)), number)
        case .null: (String(key.dropFirst(head.count)), nil)
        default: nil
        }
      }
      result.append(Entry(step: step, language: language, values: Dictionary(own) { $1 }))
    }
    return result
  }

  private mutating func readPicture(_ url: URL) {
    do {
      guard let data = try SmallFile.read(url, atMost: Self.maximumPictureBytes) else { return }
      guard data.starts(with: Self.pictureMark) else { throw KelipError("not a PNG", at: url.path) }
      picture = data
    } catch {
      notes.append("\(error)")
    }
  }
}
