import Foundation

/// How the ranks reach the leader's watch.
package struct WatchAddress: Codable, Sendable {
  package var host: String
  /// Of the host's adapters, as numbers.
  package var addresses: [String]
  package var port: UInt16
  /// Without it a connection is dropped: anybody may connect, only ranks know it.
  package var secret: String
}

/// A line from a rank to the leader: one of these.
struct WatchMessage: Codable, Sendable {
  struct Hello: Codable {
    var secret: String
    var rank: Int
    var place: RankPlace
  }

  var hello: Hello?
  var state: RankState?
  /// For `run.log`.
  var log: String?
  /// The rank ends, and means to.
  var bye: Bool?

  var line: String { String(decoding: (try? JSONEncoder().encode(self)) ?? Data(), as: UTF8.self) }

  init(hello: Hello? = nil, state: RankState? = nil, log: String? = nil, bye: Bool? = nil) {
    (self.hello, self.state, self.log, self.bye) = (hello, state, log, bye)
  }

  init?(_ line: String) {
    guard let message = try? JSONDecoder().decode(Self.self, from: Data(line.utf8)) else { return nil }
    self = message
  }

  /// From the leader to a rank.
  enum Order: String {
    /// The leader lives.
    case ping
    case writeStacks = "stacks"
  }
}
