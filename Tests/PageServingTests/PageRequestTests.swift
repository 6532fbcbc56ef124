import Testing

@testable import PageServing

@Suite struct PageRequestTests {
  @Test(arguments: [
    "", "GET", "GET /", "GET / HTTP/2.0", "GET  / HTTP/1.1", " GET / HTTP/1.1", "G(T / HTTP/1.1",
    "GET http://a/ HTTP/1.1", "GET * HTTP/1.1", "GET / HTTP/1.1 x", "GET / HTTP/1.1\r\nno colon",
    "GET / HTTP/1.1\r\na : b", "GET / HTTP/1.1\r\n: b", "GET / HTTP/1.1\r\na: b\r\n folded",
    "GET / HTTP/1.1\r\na: b\nc: d", "GET / HTTP/1.1\r\na: \u{0}",
  ])
  func whatIsNoRequest(head: String) { #expect(PageRequest(head: head) == nil) }

  @Test func partsOfARequest() throws {
    let request = try #require(
      PageRequest(head: "GET /a/b?since=5&x&since=6 HTTP/1.1\r\nHOST: h\r\nA:\t 1 \r\na: 2\r\nCookie: k=v=w"))
    #expect(request.method == "GET" && request.path == "/a/b")
    #expect(request.query == ["since": "5", "x": ""])
    #expect(request.headers["host"] == "h" && request.headers["a"] == "1, 2")
    #expect(request.cookie("k") == "v=w" && request.cookie("K") == nil)
    let written = try #require(PageRequest(head: "GET /?q=%EA%B3%A0+%2B&bad=%FF HTTP/1.1"))
    #expect(written.text("q") == "고 +" && written.text("bad") == nil && written.text("absent") == nil)
    #expect(!request.wantsClose && !request.hasBody)
    #expect(try #require(PageRequest(head: "GET / HTTP/1.0")).wantsClose)
    #expect(try !#require(PageRequest(head: "GET / HTTP/1.0\r\nConnection: Keep-Alive")).wantsClose)
  }
}
