import Basics
import RunService

/// Which answer a request gets. Nothing but `/healthz` is answered without the token.
final class PageRouter: Sendable {
  private let status: RunStatus
  private let token: PageToken
  private let evaluations: EvaluationFiles
  private let document = PageDocument()

  init(status: RunStatus, token: PageToken, evaluations: EvaluationFiles) {
    (self.status, self.token, self.evaluations) = (status, token, evaluations)
  }

  func response(to request: PageRequest) -> PageResponse {
    let isPublic = request.path == "/healthz"
    let asksByLink = request.path == "/" && token.matches(request.query["token"] ?? "")
    guard isPublic || asksByLink || isAllowed(request) else {
      return PageResponse(.unauthorized, headers: [("WWW-Authenticate", "Bearer")])
    }
    guard request.method == "GET" || request.method == "HEAD" else {
      return PageResponse(.methodNotAllowed, headers: [("Allow", "GET, HEAD")])
    }
    guard !request.hasBody else { return PageResponse(.contentTooLarge) }
    if asksByLink {
      return PageResponse(.seeOther, headers: [("Location", "/"), ("Set-Cookie", token.cookie)])
    }
    return page(request)
  }

  private func isAllowed(_ request: PageRequest) -> Bool {
    let scheme = "bearer "
    if let header = request.headers["authorization"], header.lowercased().hasPrefix(scheme) {
      return token.matches(header.dropFirst(scheme.count))
    }
    return token.matches(request.cookie(token.cookieName) ?? "")
  }

  private func page(_ request: PageRequest) -> PageResponse {
    switch request.path {
    case "/": document.response
    case "/healthz": PageResponse(type: "text/plain; charset=utf-8", body: "ok\n".utf8)
    case "/status.json":
      PageResponse(
        type: "application/json",
        body: StatusJSON.text(
          status.snapshot, since: request.query["since"].flatMap(Int.init) ?? 0,
          evaluation: evaluations.versions
        ).utf8)
    case "/metrics":
      PageResponse(
        type: "text/plain; version=0.0.4; charset=utf-8", body: PrometheusText.text(status.snapshot).utf8)
    case "/evaluation.json": file(evaluations.results, type: "application/json")
    case "/evaluation.png": file(evaluations.picture, type: "image/png")
    default: PageResponse(.notFound)
    }
  }

  private func file(_ bytes: [UInt8]?, type: String) -> PageResponse {
    bytes.map { PageResponse(type: type, body: $0) } ?? PageResponse(.notFound)
  }
}
