import Basics
import Collectives
import Foundation

extension RunPlan {
  /// Throws, on every rank, where one has read something else than the leader: a stale copy of the data on one machine
  /// would spoil every global batch without a sign.
  func checkSame(on communicator: any Communicator) throws {
    let mine = try communicator.agree { try self.digests() }
    let all = try communicator.allGatherBytes(Array(mine.map(\.digest).joined(separator: " ").utf8))
    let everyone = all.map { String(decoding: $0, as: UTF8.self).split(separator: " ") }
    for rank in everyone.indices {
      guard let part = mine.indices.first(where: { everyone[rank][$0] != everyone[0][$0] }) else { continue }
      var error = KelipError(
        "rank \(rank) has read another \(mine[part].name) than rank 0", at: mine[part].place,
        hint: "give every machine the same files")
      error.isAgreed = true
      throw error
    }
  }

  private func digests() throws -> [(name: String, place: String, digest: String)] {
    let settings = config.resolved.filter { $0.key != "parallel.threads_per_rank" }
    return [
      ("configuration", config.runDirectory, Self.digest(Data(ResolvedConfig.yaml(settings).utf8))),
      ("model file", config.modelPath, Self.digest(try ModelFile.json(model))),
      ("tokenizer", config.tokenizerPath, Self.digest(tokenizer.json())),
      ("list of shards", "data.train", shardsDigest),
    ]
  }

  private static func digest(_ data: Data) -> String {
    data.withUnsafeBytes { SHA256Hasher.hexDigest(of: $0) }
  }
}
