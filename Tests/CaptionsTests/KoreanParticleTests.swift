import Foundation
import Testing

@testable import Captions

@Suite struct KoreanParticleTests {
  /// A name with the forms that go with it, in the order of `KoreanParticle.allCases` but as the table has them.
  private static let columns: [KoreanParticle] = [
    .topic, .subject, .object, .with, .toward, .or, .called, .copula,
  ]

  private func table() throws -> [[String]] {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/particles", withExtension: "tsv"))
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").dropFirst()
      .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
  }

  @Test func everyNameOfTheTableTakesItsForms() throws {
    let rows = try table()
    #expect(rows.count >= 250)
    for row in rows {
      let found = Self.columns.map { $0.form(after: row[0]) }
      #expect(found == Array(row[2...]), "\(row[0]), read \(row[1])")
    }
  }

  @Test(arguments: ["", "漢字", "🐳", "Привет", "…", " "]) func whatNobodyCanReadTakesBoth(name: String) {
    #expect(KoreanParticle.topic.form(after: name) == "은(는)")
    #expect(KoreanParticle.toward.form(after: name) == "(으)로")
  }

  @Test func templatesTakeTheFormBehindEachPlace() throws {
    let template = try #require(NameTemplate("{}이/가 있는 사진: {}을(를) {}(으)로, {}과/와 {}은(는) {}, {}"))
    #expect(
      template.filled(with: "말") == "말이 있는 사진: 말을 말로, 말과 말은 말, 말")
    #expect(
      template.filled(with: "소") == "소가 있는 사진: 소를 소로, 소와 소는 소, 소")
    #expect(NameTemplate("이름이 없는 사진") == nil)
    #expect(NameTemplate("a photo of a {}.")?.filled(with: "cat") == "a photo of a cat.")
    // A name that looks like a place, or like a particle, is no template.
    #expect(NameTemplate("{}이/가")?.filled(with: "{}은/는") == "{}은/는이")
    // What is in brackets alone is the name itself.
    #expect(NameTemplate("{}은/는")?.filled(with: "(설명)") == "(설명)은")
  }
}
