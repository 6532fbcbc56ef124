import Basics
import Foundation
import TestFolders
import Testing

@testable import StudyRuns

@Suite struct ReportTests {
  @Test func tablesStandInColumns() {
    let table = StudyTable(
      title: "a table", columns: ["one", "weak+mae"],
      rows: [.init("R@1", ["1.0 ± 0.5", "2.0"]), .init("top-1", ["–", "13.5"])])
    #expect(
      table.text == """
        a table
                     one  weak+mae
        R@1    1.0 ± 0.5       2.0
        top-1          –      13.5
        """)
    #expect(
      table.markdown == """
        **a table**

        |  | one | weak+mae |
        |---|---:|---:|
        | R@1 | 1.0 ± 0.5 | 2.0 |
        | top-1 | – | 13.5 |
        """)
  }

  @Test func cellsTellMeanAndSpread() {
    func cell(_ values: [Double], _ unit: StudyRows.Unit) -> String { StudyRows.cell(Spread(values), unit) }
    #expect(cell([], .percent) == "–" && cell([0.25], .percent) == "25.0")
    #expect(cell([0.25, 0.35], .percent) == "30.0 ± 7.1")
    #expect(cell([200, 200], .count) == "200" && cell([1, 3], .seconds) == "2.0 ± 1.4")
  }

  private func results(_ kind: StudyKind, seeds: Int, _ measures: (String, Int) -> Measures) -> StudyResults {
    StudyResults(
      kind: kind, sets: ["validation", "train"], trainedOn: ["train"], languages: ["ko", "en"],
      models: ["none", "weak"].flatMap { variant in
        (1...seeds).map {
          .init(
            variant: variant, seed: $0, name: "\(variant)-seed\($0)", checkpoint: "",
            measures: measures(variant, $0))
        }
      })
  }

  private func row(_ table: StudyTable, _ label: String) -> [String]? {
    table.rows.first { $0.label == label }?.cells
  }

  @Test func augmentationIsTabulatedAndDrawn() throws {
    let results = results(.augmentation, seeds: 2) { variant, seed in
      let value = (variant == "weak" ? 0.2 : 0.1) + 0.02 * Double(seed)
      return [
        "train.zero-shot.ko.top1": value, "train.zero-shot.ko.chance_top1": 0.04,
        "train.zero-shot.ko.top5": value + 0.3, "train.retrieval.ko.text_to_image_R@1": value,
        "train.retrieval.ko.image_to_text_R@1": value, "training.seconds": 10,
        "training.steps.contrastive": 200,
      ]
    }
    let report = StudyReport(results)
    #expect(
      report.tables.map(\.title).first == "train (trained on): zero-shot classification and retrieval, %")
    #expect(report.tables[0].columns == ["none", "weak", "chance"] && report.tables.count == 2)
    #expect(row(report.tables[0], "Korean prompts, top-1") == ["13.0 ± 1.4", "23.0 ± 1.4", "4.0"])
    #expect(row(report.tables[0], "Korean prompts, top-5") == ["43.0 ± 1.4", "53.0 ± 1.4", "20.0"])
    #expect(row(report.tables[1], "contrastive updates") == ["200", "200"])
    #expect(report.note.contains("over 2 models"))
    let folder = try TemporaryFolder()
    try report.write(to: folder.url)
    for name in ["table.md", "results.json", "augmentation.png"] {
      #expect(try !Data(contentsOf: folder.file(name)).isEmpty, "\(name)")
    }
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: folder.file("results.json")))
    let variants = (json as? [String: Any])?["variants"] as? [[String: Any]]
    let summary = variants?[1]["summary"] as? [String: [String: Double]]
    #expect(abs((summary?["train.zero-shot.ko.top1"]?["mean"] ?? 0) - 0.23) < 1e-12)
  }

  @Test func languagesAreTabulatedAndDrawn() throws {
    let results = results(.languages, seeds: 1) { _, _ in
      [
        "validation.cross-lingual.ko_to_en_R@1": 0.25, "validation.cross-lingual.chance_R@1": 0.01,
        "validation.culture.mean_overlap": 0.5, "validation.analogy.ko.count": 7,
        "validation.analogy.ko.weights.0.5.R@1": 0.1, "validation.analogy.ko.weights.10.0.R@1": 0.2,
        "validation.analogy.ko.weights.2.0.R@1": 0.3,
      ]
    }
    let report = StudyReport(results)
    #expect(report.tables.count == 3)
    #expect(row(report.tables[0], "Korean → English, R@1") == ["25.0", "25.0", "1.0"])
    #expect(row(report.tables[1], "mean over the words") == ["50.0", "50.0", ""])
    let weights = report.tables[2].rows.map(\.label)
    #expect(
      weights == [
        "Korean, questions", "Korean, λ = 0.5, R@1", "Korean, λ = 2.0, R@1", "Korean, λ = 10.0, R@1",
      ])
    #expect(report.note.contains("nothing is known of the spread"))
    let folder = try TemporaryFolder()
    try report.write(to: folder.url)
    #expect(FileManager.default.fileExists(atPath: folder.file("languages.png").path))
  }
}
