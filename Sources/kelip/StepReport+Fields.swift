import Basics
import Benchmarks

extension StepReport {
  /// What is said to programs and to people alike.
  var fields: [(String, JSONText)] {
    [
      ("step_seconds", .number(stepSeconds)), ("samples_per_second", .number(samplesPerSecond)),
      ("communication_seconds", .number(communicationSeconds)),
      ("least_communication_seconds", .number(leastCommunicationSeconds)),
      ("hidden_communication_seconds", .number(hiddenCommunicationSeconds)),
      ("parameters", .integer(parameterCount)), ("trained_parameters", .integer(trainedParameterCount)),
      ("parameter_bytes", .integer(parameterBytes)),
      ("peak_activation_bytes", .integer(peakActivationBytes)),
      ("peak_resident_bytes", .integer(peakResidentBytes)),
      ("resident_growth_bytes", .integer(residentGrowthBytes)),
      ("allocations_per_step", allocations.map(JSONText.integer) ?? .null),
      ("allocations_per_step_all_threads", processAllocations.map(JSONText.integer) ?? .null),
      ("page_faults_per_step", .integer(minorFaults)), ("major_faults_per_step", .integer(majorFaults)),
      ("loss", .number(loss)),
    ] + rates
  }

  private var rates: [(String, JSONText)] {
    guard let phases, let gigaflops, let productGigaflops, let shareOfProductRate else { return [] }
    return [
      ("step_gigaflop", .number(phases.flops * 1e-9)), ("gigaflops", .number(gigaflops)),
      ("product_gigaflops", .number(productGigaflops)),
      ("share_of_product_rate", .number(shareOfProductRate)),
    ]
  }

  /// Tables, for programs only.
  var details: [(String, JSONText)] {
    guard let phases else { return [] }
    return [
      ("phases", .array(phases.nodes.indices.map { Self.row($0, of: phases) })),
      ("operations", .array(phases.byPhase.map { Self.row($0, of: phases) })),
      ("products", products?.json(in: phases) ?? .null),
    ]
  }

  private static func row(_ index: Int, of record: PhaseRecord) -> JSONText {
    let node = record.nodes[index]
    var path = [node.label]
    var parent = node.parent
    while let above = parent {
      path.insert(record.nodes[above].label, at: 0)
      parent = record.nodes[above].parent
    }
    return .object([
      ("path", .array(path.map(JSONText.string))), ("seconds", .number(node.seconds)),
      ("own_seconds", .number(record.ownSeconds(index))),
      ("gigaflop", .number(record.totalFlops(index) * 1e-9)), ("calls", .integer(node.calls)),
    ])
  }

  private static func row(
    _ operation: (phase: Phase?, seconds: Double, flops: Double, calls: Int), of record: PhaseRecord
  ) -> JSONText {
    .object([
      ("name", .string(operation.phase?.label ?? "other")), ("seconds", .number(operation.seconds)),
      ("share", .number(operation.seconds / record.seconds)),
      ("gigaflop", .number(operation.flops * 1e-9)), ("calls", .integer(operation.calls)),
    ])
  }
}

extension ProductBenchmark.Result {
  /// A row a shape; with the time that a step spent on it where there is a record of one.
  func json(in record: PhaseRecord? = nil) -> JSONText {
    .array(
      rates.map { rate in
        let shape = rate.shape
        var row: [(String, JSONText)] = [
          ("kind", .string(shape.kind.rawValue)), ("rows", .integer(shape.rows)),
          ("inputs", .integer(shape.inputs)), ("outputs", .integer(shape.outputs)),
          ("count", .integer(rate.count)), ("seconds", .number(rate.seconds)),
          ("gigaflops", .number(rate.gigaflops)),
        ]
        if let inStep = record?.shapes[shape]?.seconds {
          row.append(("gigaflops_in_step", .number(rate.totalFlops / inStep * 1e-9)))
        }
        return .object(row)
      })
  }
}
