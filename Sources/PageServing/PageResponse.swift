/// What is sent back.
package struct PageResponse: Sendable {
  package enum Status: Int, Sendable {
    case ok = 200
    case seeOther = 303
    case badRequest = 400
    case unauthorized = 401
    case notFound = 404
    case methodNotAllowed = 405
    case requestTimeout = 408
    case contentTooLarge = 413
    case headersTooLarge = 431
    case unavailable = 503

    var phrase: String {
      switch self {
      case .ok: "OK"
      case .seeOther: "See Other"
      case .badRequest: "Bad Request"
      case .unauthorized: "Unauthorized"
      case .notFound: "Not Found"
      case .methodNotAllowed: "Method Not Allowed"
      case .requestTimeout: "Request Timeout"
      case .contentTooLarge: "Content Too Large"
      case .headersTooLarge: "Request Header Fields Too Large"
      case .unavailable: "Service Unavailable"
      }
    }
  }

  package var status: Status
  package var type: String
  var headers: [(String, String)] = []
  package var body: [UInt8]

  package init(
    _ status: Status = .ok, type: String, headers: [(String, String)] = [], body: some Sequence<UInt8>
  ) {
    (self.status, self.type, self.headers, self.body) = (status, type, headers, Array(body))
  }

  /// Says no more than its status.
  package init(_ status: Status, headers: [(String, String)] = []) {
    self.init(
      status, type: "text/plain; charset=utf-8", headers: headers, body: "\(status.phrase)\n".utf8)
  }

  /// - Parameters:
  ///   - hasBody: false for the answer to a HEAD: the same head alone.
  ///   - isLast: the connection is closed after it.
  func bytes(hasBody: Bool, isLast: Bool) -> [UInt8] {
    var head = "HTTP/1.1 \(status.rawValue) \(status.phrase)\r\n"
    let all =
      [
        ("Content-Type", type), ("Content-Length", "\(body.count)"), ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Connection", isLast ? "close" : "keep-alive"),
      ] + headers
    for (name, value) in all { head += "\(name): \(value)\r\n" }
    return Array("\(head)\r\n".utf8) + (hasBody ? body : [])
  }
}
