import Basics
import Foundation
import RunService

/// Where a run's live page is served, and to whom.
package struct LivePageSettings: Sendable {
  /// A name or number of this machine. Other machines reach a loopback address through a tunnel only.
  package var address: String
  /// 0 for any free one.
  package var port: UInt16
  /// Holds the token; nil for `RUN/token`, which is made where it is not there.
  package var tokenFile: URL?
  package var runDirectory: URL

  package init(
    address: String = "127.0.0.1", port: UInt16, tokenFile: URL? = nil, runDirectory: URL
  ) {
    (self.address, self.port) = (address, port)
    (self.tokenFile, self.runDirectory) = (tokenFile, runDirectory)
  }
}

/// Shows a run to browsers and to Prometheus. One thread of low priority does all of it.
///
/// | Path | |
/// |---|---|
/// | `/` | the page; `/?token=T` lets a browser in |
/// | `/status.json` | what the page shows; `?since=STEP` leaves out the curves up to a step |
/// | `/evaluation.json`, `/evaluation.png` | the last evaluation of the run directory |
/// | `/metrics` | Prometheus' text format |
/// | `/healthz` | `ok`, without a token |
package final class LivePage: Sendable {
  /// The port that is bound.
  package let port: UInt16
  /// Where the token stands.
  package let tokenFile: URL
  /// True when only this machine can reach the page.
  package let isLoopback: Bool
  private let address: String
  private let server: PageServer

  /// Binds the port, so that what is wrong is told here.
  package convenience init(status: RunStatus, settings: LivePageSettings) throws {
    try self.init(status: status, settings: settings, limits: ServerLimits())
  }

  init(status: RunStatus, settings: LivePageSettings, limits: ServerLimits) throws {
    let directory = RunDirectory(settings.runDirectory.path)
    tokenFile = settings.tokenFile ?? directory.token
    let token =
      try settings.tokenFile.map(PageToken.init(readingFrom:)) ?? PageToken(inOrMadeAt: directory.token)
    let listener = try Listener(address: settings.address, port: settings.port)
    (address, port, isLoopback) = (settings.address, listener.port, listener.isLoopback)
    let router = PageRouter(
      status: status, token: token, evaluations: EvaluationFiles(folder: directory.evaluations))
    server = PageServer(listener: listener, limits: limits) { router.response(to: $0) }
  }

  /// For people; without the token.
  package var url: String { "http://\(address.contains(":") ? "[\(address)]" : address):\(port)/" }

  /// Begins to answer; once.
  package func start() { server.start() }

  /// Closes all connections and frees the port. Returns when the thread has ended.
  package func stop() { server.stop() }
}
