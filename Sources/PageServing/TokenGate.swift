/// Lets in who knows the token, by `Authorization: Bearer T`, or a browser by the link `/?token=T` and then a cookie; the
/// others learn nothing but that `/healthz` is well.
struct TokenGate: Sendable {
  private let token: PageToken
  private let page: @Sendable (PageRequest) -> PageResponse

  /// - Parameter page: the answer to a GET or HEAD of somebody who may read.
  init(token: PageToken, page: @escaping @Sendable (PageRequest) -> PageResponse) {
    (self.token, self.page) = (token, page)
  }

  func response(to request: PageRequest) -> PageResponse {
    let isHealth = request.path == "/healthz"
    let asksByLink = request.path == "/" && token.matches(request.query["token"] ?? "")
    guard isHealth || asksByLink || isAllowed(request) else {
      return PageResponse(.unauthorized, headers: [("WWW-Authenticate", "Bearer")])
    }
    guard request.method == "GET" || request.method == "HEAD" else {
      return PageResponse(.methodNotAllowed, headers: [("Allow", "GET, HEAD")])
    }
    guard !request.hasBody else { return PageResponse(.contentTooLarge) }
    if isHealth { return PageResponse(type: "text/plain; charset=utf-8", body: "ok\n".utf8) }
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
}
