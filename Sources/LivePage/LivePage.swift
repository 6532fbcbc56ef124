import Basics
import Foundation
import PageServing
import RunService

/// A run, shown to browsers and to Prometheus.
///
/// | Path | |
/// |---|---|
/// | `/` | the page; `/?token=T` lets a browser in |
/// | `/status.json` | what the page shows; `?since=STEP` leaves out the curves up to a step |
/// | `/evaluation.json`, `/evaluation.png` | the last evaluation of the run directory |
/// | `/metrics` | Prometheus' text format |
/// | `/healthz` | `ok`, without a token |
package enum LivePage {
  /// - Parameters:
  ///   - address, port: see `PagePlace`.
  ///   - tokenFile: nil for `RUN/token`, which is made where it is not there.
  package static func page(
    of status: RunStatus, runDirectory: URL, address: String = "127.0.0.1", port: UInt16,
    tokenFile: URL? = nil
  ) throws -> GuardedPage {
    let directory = RunDirectory(runDirectory.path)
    let place = PagePlace(
      address: address, port: port, tokenFile: tokenFile, ownTokenFile: directory.token)
    let router = PageRouter(
      status: status, evaluations: EvaluationFiles(folder: directory.evaluations))
    return try GuardedPage(place) { router.response(to: $0) }
  }
}
