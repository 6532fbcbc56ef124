import Foundation

/// Where a page is served, and to whom.
package struct PagePlace: Sendable {
  /// A name or number of this machine. Other machines reach a loopback address through a tunnel only.
  package var address: String
  /// 0 for any free one.
  package var port: UInt16
  /// Holds the token; it must be there.
  package var tokenFile: URL?
  /// Where a token is made, or found again, if no file is named.
  package var ownTokenFile: URL

  package init(address: String = "127.0.0.1", port: UInt16, tokenFile: URL? = nil, ownTokenFile: URL) {
    (self.address, self.port) = (address, port)
    (self.tokenFile, self.ownTokenFile) = (tokenFile, ownTokenFile)
  }
}

/// A small site for those who know a token. One thread of low priority does all of it.
package final class GuardedPage: Sendable {
  /// The port that is bound.
  package let port: UInt16
  /// Where the token stands.
  package let tokenFile: URL
  /// True when only this machine can reach the page.
  package let isLoopback: Bool
  private let address: String
  private let server: PageServer

  /// Binds the port, so that what is wrong is told here.
  ///
  /// - Parameter page: answers a GET or HEAD of somebody who knows the token, on the page's thread.
  package init(
    _ place: PagePlace, limits: ServerLimits = ServerLimits(),
    page: @escaping @Sendable (PageRequest) -> PageResponse
  ) throws {
    tokenFile = place.tokenFile ?? place.ownTokenFile
    let token =
      try place.tokenFile.map(PageToken.init(readingFrom:)) ?? PageToken(inOrMadeAt: place.ownTokenFile)
    let listener = try Listener(address: place.address, port: place.port)
    (address, port, isLoopback) = (place.address, listener.port, listener.isLoopback)
    let gate = TokenGate(token: token, page: page)
    server = PageServer(listener: listener, limits: limits) { gate.response(to: $0) }
  }

  /// For people; without the token.
  package var url: String { "http://\(address.contains(":") ? "[\(address)]" : address):\(port)/" }

  /// Begins to answer; once.
  package func start() { server.start() }

  /// Closes all connections and frees the port. Returns when the thread has ended.
  package func stop() { server.stop() }
}
