import Basics
import Charts
import Foundation
import Imaging
import PageServing

/// A page where a person types a query and sees pictures.
///
/// | Path | |
/// |---|---|
/// | `/` | the page; `/?token=T` lets a browser in |
/// | `/search.json?q=TEXT&k=N` | the pictures most like a text |
/// | `/search.json?like=ROW&k=N` | the pictures most like one of them |
/// | `/picture.jpg?row=ROW` | a picture, made small |
package final class SearchPage: @unchecked Sendable {
  // Safe to share: after `init` only the page's thread touches it, one request at a time.
  private let search: PictureSearch
  private let pictures: IndexedPictures
  private let document = PageDocument(
    html: PackageResources.search_html, style: PackageResources.search_css,
    scripts: [PackageResources.search_js])

  private static let largestCount = 200
  private static let pictureSide = 256

  package init(_ search: PictureSearch, _ pictures: IndexedPictures) {
    (self.search, self.pictures) = (search, pictures)
  }

  package func response(to request: PageRequest) -> PageResponse {
    do {
      switch request.path {
      case "/": return document.response
      case "/search.json": return try found(request)
      case "/picture.jpg": return try picture(request)
      default: return PageResponse(.notFound)
      }
    } catch {
      return Self.json(.notFound, .object([("error", .string("\(error)"))]))
    }
  }

  private func found(_ request: PageRequest) throws -> PageResponse {
    let k = min(Self.largestCount, max(1, request.query["k"].flatMap(Int.init) ?? 24))
    let start = monotonicSeconds()
    let results: [PictureSearch.Found]
    if let row = row(request, "like") {
      results = try search.find(like: row, k: k)
    } else if let text = request.text("q"), !text.isEmpty {
      results = try search.find(text: text, k: k)
    } else {
      return PageResponse(.badRequest)
    }
    return Self.json(
      .ok,
      .object([
        ("count", .integer(search.index.count)), ("seconds", .number(monotonicSeconds() - start)),
        ("pictures", .array(results.map(\.json))),
      ]))
  }

  private func row(_ request: PageRequest, _ name: String) -> Int? {
    request.query[name].flatMap(Int.init).flatMap { (0..<search.index.count).contains($0) ? $0 : nil }
  }

  private func picture(_ request: PageRequest) throws -> PageResponse {
    guard let row = row(request, "row") else { return PageResponse(.notFound) }
    let whole = try pictures.picture(try search.index.row(row))
    let small = Thumbnail.square(of: whole, side: Self.pictureSide)
    return PageResponse(type: "image/jpeg", body: JPEGEncoder.encode(small, quality: 85))
  }

  private static func json(_ status: PageResponse.Status, _ value: JSONText) -> PageResponse {
    PageResponse(status, type: "application/json", body: value.text.utf8)
  }
}

extension PictureSearch.Found {
  package var json: JSONText {
    let texts = [("caption", facts.caption), ("language", facts.language), ("picture", facts.picture)]
    return .object(
      [("row", .integer(row)), ("score", .number(Double(score))), ("key", .string(facts.key))]
        + texts.compactMap { name, text in text.map { (name, .string($0)) } })
  }
}
