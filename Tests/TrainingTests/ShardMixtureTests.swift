import Basics
import Foundation
import ShardStream
import Testing
import TinyRun

@testable import Training

@Suite struct ShardMixtureTests {
  private static let shared = Result { try TinyRun() }
  private func path(_ name: String) throws -> String { try Self.shared.get().path("train/\(name)") }

  private func mixture(_ entries: TrainEntry...) throws -> ShardMixture { try ShardMixture(entries) }

  @Test func aShardOfTwoEntriesIsListedOnce() throws {
    let mixture = try mixture(
      TrainEntry(name: "ko", shards: [try path("1.tar"), try path("0.tar")], weight: 0.6, language: .korean),
      TrainEntry(name: "en", shards: [try path("")], weight: 0.4, language: .english))
    #expect(mixture.shards.map(\.lastPathComponent) == ["1.tar", "0.tar", "2.tar"])
    let components = try mixture.components { shard, language in
      10 * shard + (language == .korean ? 1 : 2)
    }
    #expect(components.map(\.shards) == [[0, 1], [1, 0, 2]])
    #expect(components.map(\.counts) == [[1, 11], [12, 2, 22]])
    #expect(components.map(\.weight) == [3, 2])
    #expect(components.map(\.language) == [.korean, .english])
  }

  @Test func withoutWeightsSamplesCount() throws {
    let components = try mixture(
      TrainEntry(name: "a", shards: [try path("1.tar")]), TrainEntry(name: "b", shards: [try path("2.tar")])
    ).components { shard, _ in 5 + shard }
    #expect(components.map(\.weight) == [5, 6])
  }

  @Test(arguments: [(nil, nil), ("ko", "ko"), (nil, "ko"), ("en", nil)] as [(String?, String?)])
  func aSampleInTwoEntriesIsRefused(first: String?, second: String?) throws {
    let shard = try path("2.tar")
    let error = #expect(throws: KelipError.self) {
      try mixture(
        TrainEntry(name: "a", shards: [shard], language: first.flatMap { .init(tag: $0) }),
        TrainEntry(name: "b", shards: [try path("")], language: second.flatMap { .init(tag: $0) }))
    }
    #expect(error?.location == shard && error?.message.contains("\"a\" and \"b\"") == true)
  }

  @Test func anEntryWithoutSamplesIsNamed() throws {
    let mixture = try mixture(
      TrainEntry(name: "a", shards: [try path("1.tar")], language: .english),
      TrainEntry(name: "b", shards: [try path("")], language: .korean))
    let error = #expect(throws: KelipError.self) {
      try mixture.components { _, language in language == .english ? 3 : 0 }
    }
    #expect(error?.location == "data.train[2]")
    #expect(error?.message == "the shards of \"b\" hold no sample in language ko")
  }
}
