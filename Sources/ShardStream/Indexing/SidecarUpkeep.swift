import Basics
import Foundation

/// Writes and checks sidecars, a shard at a time.
package struct SidecarUpkeep: Sendable {
  /// What a shard's sidecar was found to be.
  package enum State: Equatable, Sendable {
    case current
    case missing
    /// In words.
    case unusable(String)
  }

  package struct Outcome: Sendable {
    package let summary: ShardSummary
    /// Before anything was done about it.
    package let state: State
    /// 0 where there is no sidecar.
    package let sidecarByteCount: Int
  }

  private let place: SidecarPlace

  package init(_ place: SidecarPlace) { self.place = place }

  /// Writes the sidecar unless it is there and fits.
  ///
  /// - Parameter force: write it all the same.
  package func update(_ path: String, force: Bool = false) throws -> Outcome {
    let found = try find(path)
    if let sidecar = found.sidecar, !force { return sidecar.outcome }
    let scan = try ShardScan(path: path)
    let bytes = ShardSidecar.encode(scan)
    try write(bytes, forShard: path)
    return Outcome(summary: scan.summary, state: found.state, sidecarByteCount: bytes.count)
  }

  /// Holds the sidecar against the shard, all of whose headers and captions are read for that.
  package func check(_ path: String) throws -> Outcome {
    let found = try find(path)
    let scan = try ShardScan(path: path)
    var state = found.state
    if let sidecar = found.sidecar {
      var told = sidecar.outcome.summary
      told.origin = .scan
      if told != scan.summary || sidecar.table != scan.table {
        state = .unusable("the index tells of other samples than the shard holds")
      }
    }
    return Outcome(
      summary: scan.summary, state: state, sidecarByteCount: found.sidecar?.outcome.sidecarByteCount ?? 0)
  }

  private typealias Found = (
    state: State, sidecar: (outcome: Outcome, table: ShardTable)?
  )

  private func find(_ path: String) throws -> Found {
    let sidecarPath = place.path(ofShard: path)
    let identity = try ShardIdentity(path: path)
    do throws(SidecarFault) {
      guard let sidecar = try ShardSidecar(path: sidecarPath, shard: path, identity: identity) else {
        return (.missing, nil)
      }
      try sidecar.require(.pictures)
      let table = try sidecar.table(path: sidecarPath)
      let outcome = Outcome(
        summary: sidecar.summary, state: .current, sidecarByteCount: sidecar.byteCount)
      return (.current, (outcome, table))
    } catch {
      return (.unusable(error.description), nil)
    }
  }

  private func write(_ bytes: [UInt8], forShard path: String) throws {
    let url = URL(fileURLWithPath: place.path(ofShard: path), isDirectory: false)
    do {
      if case .folder = place {
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      }
      try AtomicFile.write(bytes, to: url)
    } catch let error as KelipError {
      throw KelipError(
        error.message, at: error.location, hint: error.hint ?? Self.advice, exitCode: error.exitCode)
    } catch {
      throw KelipError(
        "cannot make the folder: \(error.localizedDescription)", at: url.path, hint: Self.advice)
    }
  }

  private static let advice =
    "where the data set is read-only, give the indexes a folder: --index-directory DIR"
}
