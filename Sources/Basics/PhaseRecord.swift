/// What a phase clock has seen: a tree of phases with the time of each, those within it included.
package struct PhaseRecord: Sendable {
  package struct Node: Sendable {
    /// Nil for the whole.
    package var phase: Phase?
    package var parent: Int?
    package var children: [Int] = []
    package var seconds = 0.0
    /// Of this phase alone, without those within.
    package var flops = 0.0
    package var calls = 0

    package var label: String { phase?.label ?? "step" }
  }

  package struct ShapeTime: Sendable {
    package var count = 0
    package var seconds = 0.0
  }

  /// The whole comes first, every other node after its parent.
  package var nodes: [Node]
  /// How often products of each shape ran, and how long in all.
  package var shapes: [ProductShape: ShapeTime]

  package var seconds: Double { nodes[0].seconds }
  package var flops: Double { nodes.reduce(0) { $0 + $1.flops } }

  /// Time of a node that no phase within it accounts for.
  package func ownSeconds(_ node: Int) -> Double {
    nodes[node].children.reduce(nodes[node].seconds) { $0 - nodes[$1].seconds }
  }

  /// All that is under a node, itself included.
  package func totalFlops(_ node: Int) -> Double {
    nodes[node].children.reduce(nodes[node].flops) { $0 + totalFlops($1) }
  }

  /// Own time and operations of each phase wherever it ran, the longest first; nil is time of no phase or of a tower's
  /// pass alone.
  package var byPhase: [(phase: Phase?, seconds: Double, flops: Double, calls: Int)] {
    let groups = Dictionary(grouping: nodes.indices) { index in
      nodes[index].phase.flatMap { $0.isTowerPass ? nil : $0 }
    }
    return groups.map { phase, members in
      (
        phase, members.reduce(0) { $0 + ownSeconds($1) }, members.reduce(0) { $0 + nodes[$1].flops },
        members.reduce(0) { $0 + nodes[$1].calls }
      )
    }.sorted { $0.seconds > $1.seconds }
  }

  /// The time per step where the record is of `count` steps.
  package func divided(by count: Int) -> PhaseRecord {
    var result = self
    for node in nodes.indices {
      result.nodes[node].seconds /= Double(count)
      result.nodes[node].flops /= Double(count)
      result.nodes[node].calls = max(1, nodes[node].calls / count)
    }
    for (shape, time) in shapes {
      result.shapes[shape] = .init(count: time.count / count, seconds: time.seconds / Double(count))
    }
    return result
  }
}
