import Basics
import Foundation
import TestFolders
import Testing

@testable import DatasetBuilding
@testable import Imaging

@Suite struct BuildTests {
  private let pictures = (0..<700).map { picture("tuxpaint-stamps/p\($0)", shade: $0) }

  @Test func everyCaptionIsPlannedOnceAndAboutATenthForValidation() {
    let plan = SplitPlan(pictures: pictures, seed: 3)
    let all = Split.allCases.flatMap { plan.samples[$0]! }
    #expect(Set(all.map { "\($0.picture) \($0.language)" }).count == 1_400 && all.count == 1_400)
    #expect((90...190).contains(plan.samples[.validation]!.count))
    let train = Set(plan.samples[.train]!.map(\.picture))
    #expect(train.isDisjoint(with: plan.samples[.validation]!.map(\.picture)))
  }

  @Test func theOrderOfThePicturesDoesNotMatterAndTheSeedDoes() {
    func ids(_ pictures: [CaptionedPicture], _ seed: UInt64) -> [String] {
      let plan = SplitPlan(pictures: pictures, seed: seed)
      return Split.allCases.flatMap {
        plan.samples[$0]!.map { pictures[$0.picture].id + $0.language.rawValue }
      }
    }
    #expect(ids(pictures, 1) == ids(pictures.reversed(), 1))
    #expect(ids(pictures, 1) != ids(pictures, 2))
  }

  @Test func picturesThatLookAlikeStayOnOneSide() {
    let twins = (0..<300).map { picture("tuxpaint-stamps/t\($0)", shade: $0 / 2) }
    let plan = SplitPlan(pictures: twins, seed: 0)
    let validation = Set(plan.samples[.validation]!.map(\.picture))
    #expect(!validation.isEmpty)
    #expect(validation.allSatisfy { validation.contains($0 ^ 1) })
  }

  @Test func aBuildIsReadableCountedAndTheSameEveryTime() throws {
    let folder = try TemporaryFolder()
    let collection = PictureCollection(pictures: pictures, skipped: ["stamp_only_as_svg": 2])
    let first = try DebianPictures.write(collection, .init(outputDirectory: folder.path + "/a"))
    let second = try DebianPictures.write(collection, .init(outputDirectory: folder.path + "/b"))
    #expect(first.shards == ["train": 3, "validation": 1] && first.sampleCount == 1_400)
    #expect(first.counts == second.counts)
    var keys = 0
    for split in Split.allCases {
      let names = try folder.names(in: "a/\(split.rawValue)")
      #expect(names == (0..<first.shards[split.rawValue]!).map { "0000\($0).tar" })
      for name in names {
        let bytes = try folder.read("a/\(split.rawValue)/\(name)")
        #expect(try bytes == folder.read("b/\(split.rawValue)/\(name)"))
        keys += try checkShard(bytes, number: String(name.prefix(5)))
      }
    }
    #expect(keys == first.sampleCount)
    #expect(first.description.contains("stamp_only_as_svg: 2"))
    #expect(try JSONDecoder().decode(BuildReport.self, from: Data(first.json().utf8)) == first)
  }

  /// Three adjacent members a sample that agree with each other. Returns the number of samples.
  private func checkShard(_ bytes: [UInt8], number: String) throws -> Int {
    let members = tarMembers(bytes)
    for index in stride(from: 0, to: members.count, by: 3) {
      let key = number + (index / 3).padded(to: 4)
      #expect(members[index..<index + 3].map(\.name) == [key + ".jpg", key + ".json", key + ".txt"])
      let json = try JSONSerialization.jsonObject(with: Data(members[index + 1].content)) as! [String: Any]
      #expect(json["caption"] as? String == String(decoding: members[index + 2].content, as: UTF8.self))
      #expect(json["key"] as? String == key)
      #expect(json["sha256"] as? String == SHA256Hasher.hexDigest(of: members[index].content))
      #expect(json["language"] as? String == (json["caption"] as? String == "색조" ? "ko" : "en"))
    }
    let image = try ImageDecoder.decode(members[0].content)
    #expect(image.width == 5 && image.height == 3)
    return members.count / 3
  }

  @Test func aRebuildReplacesShardsButNothingElse() throws {
    let folder = try TemporaryFolder()
    let options = DebianPictures.Options(outputDirectory: folder.path)
    try folder.write("old", to: "train/00099.tar")
    let few = PictureCollection(pictures: Array(pictures[..<3]))
    _ = try DebianPictures.write(few, options)
    #expect(try folder.names(in: "train") == ["00000.tar"])
    try folder.write("mine", to: "train/notes.txt")
    #expect { _ = try DebianPictures.write(few, options) } throws: { ($0 as? KelipError)?.hint != nil }
    #expect(try folder.names(in: "train") == ["00000.tar", "notes.txt"])
  }

  @Test func missingPackagesAreNamedWithTheCommand() throws {
    let folder = try TemporaryFolder()
    var options = DebianPictures.Options(outputDirectory: folder.path)
    options.packages.stampsDirectory = "/no/stamps"
    options.packages.cldrDirectory = "/no/cldr"
    let asked = options
    #expect {
      _ = try DebianPictures.build(asked)
    } throws: { error in
      guard let error = error as? KelipError, let hint = error.hint else { return false }
      return hint.contains("apt-get install") && hint.contains("tuxpaint-stamps-default")
        && hint.contains("unicode-cldr-core")
    }
  }
}
