import Basics
import Foundation
import RunService
import TestFolders
import TestSockets
import Testing

@testable import LivePage

@Suite struct RoutingTests {
  @Test func nothingButHealthIsToldWithoutTheToken() throws {
    let run = try RunningPage()
    #expect(try run.ask("GET /healthz").statusCode == 200)
    #expect(try run.ask("GET /healthz").body == "ok\n")
    let paths = [
      "/", "/status.json", "/metrics", "/evaluation.png", "/evaluation.json", "/absent", "//", "/healthz/",
    ]
    for path in paths {
      for method in ["GET", "HEAD", "POST", "OPTIONS", "DELETE"] {
        let answer = try run.ask("\(method) \(path)")
        #expect(answer.statusCode == 401, "\(method) \(path)")
        #expect(answer.header("WWW-Authenticate") == "Bearer")
        #expect(answer.body == (method == "HEAD" ? "" : "Unauthorized\n"))
      }
    }
  }

  @Test func onlyTheWholeTokenCounts() throws {
    let run = try RunningPage()
    let token = run.token
    #expect(try run.askWithToken("GET /metrics").statusCode == 200)
    #expect(try run.ask("GET /metrics", "authorization: bearer \(token)").statusCode == 200)
    let wrong = [
      "Authorization: Bearer \(token.dropLast())", "Authorization: Bearer \(token)0",
      "Authorization: Bearer ",
      "Authorization: Bearer \(token.uppercased())x", "Authorization: Basic \(token)",
      "Authorization: \(token)", "Cookie: kelip=\(token)", "Cookie: kelip_=\(token)", "X-Token: \(token)",
    ]
    for header in wrong { #expect(try run.ask("GET /metrics", header).statusCode == 401, "\(header)") }
    #expect(try run.ask("GET /metrics?token=\(token)").statusCode == 401)
    #expect(try run.ask("GET /?token=\(token.dropLast())").statusCode == 401)
    #expect(try run.ask("GET /?token=").statusCode == 401)
  }

  @Test func aBrowserIsLetInByALinkOnce() throws {
    let run = try RunningPage()
    let answer = try run.ask("GET /?token=\(run.token)")
    #expect(answer.statusCode == 303 && answer.header("Location") == "/")
    let cookie = try #require(answer.header("Set-Cookie"))
    #expect(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"))
    let pair = try #require(cookie.split(separator: ";").first)
    #expect(try run.ask("GET /", "Cookie: a=b; \(pair); c=d").statusCode == 200)
    #expect(try run.ask("GET /", "Cookie: a=b", "Cookie: \(pair)").statusCode == 200)
    #expect(try run.ask("GET /", "Cookie: \(pair)0").statusCode == 401)
    #expect(try run.ask("GET /", "Cookie: x\(pair)").statusCode == 401)
  }

  @Test func onlyReadingIsAllowed() throws {
    let run = try RunningPage()
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get"] {
      let answer = try run.askWithToken("\(method) /metrics")
      #expect(answer.statusCode == 405 && answer.header("Allow") == "GET, HEAD", "\(method)")
    }
    #expect(try run.ask("POST /healthz").statusCode == 405)
    #expect(try run.ask("GET /healthz", "Content-Length: 3").statusCode == 413)
    #expect(try run.ask("GET /healthz", "Transfer-Encoding: chunked").statusCode == 413)
    #expect(try run.ask("GET /healthz", "Content-Length: 0").statusCode == 200)
    #expect(try run.askWithToken("GET /absent").statusCode == 404)
  }

  @Test func headsHaveTheSizeOfWhatTheyStandFor() throws {
    let run = try RunningPage()
    let (whole, head) = (try run.askWithToken("GET /"), try run.askWithToken("HEAD /"))
    #expect(head.body.isEmpty && head.header("Content-Length") == whole.header("Content-Length"))
    #expect(whole.header("Content-Length") == "\(whole.body.utf8.count)")
  }

  @Test func thePageNeedsNothingFromElsewhere() throws {
    let run = try RunningPage()
    let answer = try run.askWithToken("GET /")
    #expect(answer.header("Content-Type") == "text/html; charset=utf-8")
    #expect(!answer.body.contains("/*STYLE*/") && !answer.body.contains("/*SCRIPT*/"))
    #expect(answer.body.contains("class Chart") && answer.body.contains("showEvaluation"))
    let outside = answer.body.replacingOccurrences(of: "http://www.w3.org/2000/svg", with: "")
    #expect(!outside.contains("http://") && !outside.contains("https://") && !outside.contains("innerHTML"))
    let policy = try #require(answer.header("Content-Security-Policy"))
    #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-"))
  }

  @Test func theStatusIsJSON() throws {
    let run = try RunningPage()
    func status(_ path: String) throws -> [String: Any] {
      let body = try run.askWithToken("GET \(path)").body
      return try #require(JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
    }
    #expect(try status("/status.json")["step"] as? Int == 0)
    for step in 1...5 {
      run.status.add(
        step: step, values: [("loss", 1 / Double(step)), ("lr", .nan)],
        ranks: [RankTimes(dataSeconds: 0.1, computeSeconds: 1, communicationSeconds: 0.2)])
    }
    run.status.note(incident: "\"quoted\"\n", step: 2, level: .error)
    let all = try #require(try status("/status.json")["series"] as? [[String: Any]])
    #expect(all.count == 2 && all[0]["steps"] as? [Int] == [1, 2, 3, 4, 5])
    #expect((all[0]["values"] as? [Double])?[2] == 0.333333)
    #expect(all[1]["newest"] is NSNull && (all[1]["steps"] as? [Int])?.isEmpty == true)
    let late = try #require(try status("/status.json?since=3")["series"] as? [[String: Any]])
    #expect(late[0]["steps"] as? [Int] == [4, 5])
    let incidents = try #require(try status("/status.json?since=x")["incidents"] as? [[String: Any]])
    #expect(incidents[0]["text"] as? String == "\"quoted\"\n")
  }

  @Test func theLastEvaluationIsReadFromTheRun() throws {
    let run = try RunningPage()
    #expect(try run.askWithToken("GET /evaluation.png").statusCode == 404)
    let folder = run.folder.file("evaluations")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data("picture".utf8).write(to: folder.appendingPathComponent("latest.png"))
    try Data("{\"step\": 3}".utf8).write(to: folder.appendingPathComponent("latest.json"))
    let picture = try run.askWithToken("GET /evaluation.png?v=1")
    #expect(picture.body == "picture" && picture.header("Content-Type") == "image/png")
    #expect(try run.askWithToken("GET /evaluation.json").body == "{\"step\": 3}")
    #expect(try run.askWithToken("GET /status.json").body.contains("\"results\": \""))
  }
}
