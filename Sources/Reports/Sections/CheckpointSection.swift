import Basics

/// What lies in `checkpoints/`.
struct CheckpointSection {
  private let list: CheckpointList
  private let scores: MetricColumn?

  private static let shown = 60

  init(_ run: RunContents) {
    list = run.checkpoints
    scores = run.metrics.column("validation_score")
  }

  var blocks: [Block] {
    guard !list.entries.isEmpty || !list.unfinishedNames.isEmpty else {
      return [.heading(3, "Checkpoints"), .text("There is no checkpoint.")]
    }
    let rows = list.entries.suffix(Self.shown).map { entry -> [Cell] in
      [.count(entry.step), Cell(entry.name), Cell(byteText(entry.byteCount)), Cell(roles(entry))]
    }
    var notes: [String] = []
    if list.entries.count > Self.shown {
      notes.append("The last \(Self.shown) of \(list.entries.count.digitGrouped).")
    }
    if let missing { notes.append(missing) }
    let note = notes.isEmpty ? nil : notes.joined(separator: " ")
    var blocks: [Block] = [
      .heading(3, "Checkpoints"), .table(Table(["#Step", "Folder", "#Size", "Is"], rows, note: note)),
    ]
    if !list.unfinishedNames.isEmpty {
      let names = list.unfinishedNames.prefix(5).joined(separator: ", ")
      blocks.append(.text("Unfinished: \(counted(list.unfinishedNames.count, "folder")): \(names)"))
    }
    return blocks
  }

  private func roles(_ entry: CheckpointList.Entry) -> String {
    let roles = [
      entry.name == list.latest ? "latest" : nil, entry.name == list.best ? "best" : nil,
      entry.isWhole ? nil : "not whole: no manifest",
    ]
    return roles.compactMap(\.self).joined(separator: ", ")
  }

  private var missing: String? {
    let names = [("latest", list.latest), ("best", list.best)].compactMap { file, name in
      name.flatMap { name in
        list.entries.contains { $0.name == name } ? nil : "\(file) names \(name), which is not there."
      }
    }
    return names.isEmpty ? nil : names.joined(separator: " ")
  }
}
