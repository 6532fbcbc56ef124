import Basics
import Foundation

extension Communicator {
  /// Runs `body` on every rank. When it throws anywhere, every rank throws the error of the lowest rank that
  /// failed, so that all end with the same exit code and none waits for a peer that has left.
  ///
  /// Where only some ranks failed the message begins with `rank k: `. `body` must not communicate: a rank that
  /// has failed would miss from its collectives.
  package func agree<T>(_ body: () throws -> T) throws -> T {
    guard worldSize > 1 else { return try body() }
    let outcome = Result { try body() }
    let reports = try allGatherBytes(AgreedError.encode(outcome))
    if let failed = reports.firstIndex(where: { !$0.isEmpty }) {
      let isEverywhere = reports.allSatisfy { !$0.isEmpty }
      throw try AgreedError.decode(reports[failed], rank: isEverywhere ? nil : failed)
    }
    return try outcome.get()
  }

  /// Runs `body` on the leader alone; when it throws there, every rank throws that error.
  ///
  /// - Returns: what `body` gave, on the leader; nil elsewhere.
  package func onLeader<T>(_ body: () throws -> T) throws -> T? {
    guard worldSize > 1 else { return try body() }
    let outcome = isLeader ? Result { try body() } : nil
    let reports = try allGatherBytes(outcome.map(AgreedError.encode) ?? [])
    guard reports[0].isEmpty else { throw try AgreedError.decode(reports[0], rank: nil) }
    return try outcome?.get()
  }
}

/// A `KelipError` on the wire.
struct AgreedError: Codable {
  var message: String
  var location: String?
  var hint: String?
  var exitCode: Int32

  /// Empty for success.
  static func encode<T>(_ outcome: Result<T, any Error>) throws -> [UInt8] {
    guard case .failure(let error) = outcome else { return [] }
    return try Array(JSONEncoder().encode(AgreedError(error)))
  }

  /// - Parameter rank: who failed, where it was not everybody.
  static func decode(_ report: [UInt8], rank: Int?) throws -> KelipError {
    let error = try JSONDecoder().decode(AgreedError.self, from: Data(report))
    var agreed = KelipError(
      rank.map { "rank \($0): \(error.message)" } ?? error.message, at: error.location, hint: error.hint,
      exitCode: ExitCode(rawValue: error.exitCode) ?? .fatal)
    agreed.isAgreed = true
    return agreed
  }

  init(_ error: any Error) {
    let told = error as? KelipError ?? KelipError(String(describing: error), exitCode: .fatal)
    message = told.message
    location = told.location
    hint = told.hint
    exitCode = told.exitCode.rawValue
  }
}
