import Basics
import PageServing
import RunService

/// Which answer a reader's request gets.
final class PageRouter: Sendable {
  private let status: RunStatus
  private let evaluations: EvaluationFiles
  private let document = PageDocument(
    html: PackageResources.page_html, style: PackageResources.page_css,
    scripts: [PackageResources.chart_js, PackageResources.panels_js, PackageResources.page_js])

  init(status: RunStatus, evaluations: EvaluationFiles) {
    (self.status, self.evaluations) = (status, evaluations)
  }

  func response(to request: PageRequest) -> PageResponse {
    switch request.path {
    case "/": document.response
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
