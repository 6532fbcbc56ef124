import Foundation

/// A line of `run.log` that tells of trouble.
struct LogMessage {
  enum Level: String, Sendable { case warning, error, critical }

  var level: Level
  var time: Date
  var text: String

  /// Nil for lines that are no warning.
  init?(_ line: String, _ time: Date) {
    let origin = line.hasPrefix("[rank ") ? line.prefix { $0 != "]" } + "] " : ""
    let rest = line.dropFirst(origin.count)
    guard let colon = rest.firstIndex(of: ":"), let level = Level(rawValue: String(rest[..<colon])) else {
      return nil
    }
    (self.level, self.time) = (level, time)
    text = origin + rest[colon...].dropFirst().drop { $0 == " " }
  }
}

/// The first few of many messages.
struct LogExcerpts {
  private static let shown = 20
  private(set) var count = 0
  private(set) var first: [LogMessage] = []

  mutating func add(_ message: LogMessage) {
    count += 1
    if first.count < Self.shown { first.append(message) }
  }
}

/// Warnings and errors, those that differ in numbers alone told as one.
struct LogMessages {
  struct Group {
    /// The first of them.
    var message: LogMessage
    var lastTime: Date
    var count: Int
  }

  private static let maximumGroups = 200
  private static let maximumContinuation = 2000

  /// In the order in which they first appeared.
  private(set) var groups: [Group] = []
  private(set) var count = 0
  /// Of kinds beyond the first 200.
  private(set) var unlistedCount = 0
  private var indices: [String: Int] = [:]
  /// The group whose text the lines that follow belong to.
  private var open: Int?

  func count(_ level: LogMessage.Level) -> Int {
    groups.filter { $0.message.level == level }.reduce(0) { $0 + $1.count }
  }

  mutating func take(_ message: LogMessage) {
    count += 1
    open = nil
    let shape = message.level.rawValue + Self.shape(message.text)
    if let index = indices[shape] {
      groups[index].count += 1
      groups[index].lastTime = message.time
    } else if groups.count == Self.maximumGroups {
      unlistedCount += 1
    } else {
      indices[shape] = groups.count
      open = groups.count
      groups.append(Group(message: message, lastTime: message.time, count: 1))
    }
  }

  /// The text with `#` for each number.
  private static func shape(_ text: String) -> String {
    var shape: [UInt8] = []
    for byte in text.utf8 {
      let isOfNumber = (0x30...0x39).contains(byte) || byte == UInt8(ascii: ".")
      if !isOfNumber {
        shape.append(byte)
      } else if shape.last != UInt8(ascii: "#") {
        shape.append(UInt8(ascii: "#"))
      }
    }
    return String(decoding: shape, as: UTF8.self)
  }

  /// A line without a time: of the message before, if that is the first of its kind.
  mutating func takeContinuation(_ line: String) {
    guard let open, groups[open].message.text.count < Self.maximumContinuation else { return }
    groups[open].message.text += "\n" + line
  }

  /// What follows belongs to no warning.
  mutating func endMessage() { open = nil }
}
