import Foundation
import Kernels
import TestSupport

@testable import Towers

/// A small `BertModel`'s numbers, loaded into a `BERT` of its own.
struct BERTCase<S: ComputeScalar> {
  let fixture: Fixture
  let tower: BERT<S>
  let parameters: ParameterArena
  let captions: PackedCaptions
  let embedDim: Int
  let arena: Arena

  init(_ pooling: BERTConfig.Pooling, freezing: Freezing = .none) throws {
    fixture = try Fixture("tiny_bert", in: .module)
    embedDim = Int(fixture.metadata["embed_dim"]!)!
    var config = try JSONDecoder().decode(BERTConfig.self, from: Data(fixture.metadata["config"]!.utf8))
    config.pooling = pooling
    try config.validate()
    let registry = ParameterRegistry()
    tower = BERT(registry, config, embedDim: embedDim, freezing: freezing)
    parameters = ParameterArena(registry)
    for parameter in parameters.declared {
      let values = try fixture.floats("weights.\(parameter.name)")
      precondition(values.count == parameter.count, parameter.name)
      parameter.value.update(from: values, count: values.count)
    }
    tower.refresh(training: true)
    captions = try Self.packed(fixture, rowLength: config.contextLength)
    arena = try testArena()
  }

  private static func packed(_ fixture: Fixture, rowLength: Int) throws -> PackedCaptions {
    let (texts, lengths) = (try fixture.integers("texts"), try fixture.integers("lengths"))
    var (ids, offsets): ([Int32], [Int32]) = ([], [0])
    for (row, length) in lengths.enumerated() {
      ids += texts[row * rowLength..<row * rowLength + Int(length)].map { Int32($0) }
      offsets.append(Int32(ids.count))
    }
    return PackedCaptions(ids: ids, offsets: offsets)
  }

  func features(_ captions: PackedCaptions? = nil, _ mode: PassMode = .training) -> [Float] {
    let captions = captions ?? self.captions
    var features = unwritten(Float.self, captions.count * embedDim)
    tower.forward(captions, into: &features, TowerPass(mode, arena))
    return features
  }

  /// Forward, and backward from the fixture's probe.
  func step(gradientsReady: (_ end: Int) -> Void = { _ in }) throws {
    let probe = try fixture.floats("probe")
    arena.scratch {
      _ = features()
      tower.backward(probe, gradientsReady: gradientsReady)
    }
  }

  func gradient(_ parameter: Parameter) -> [Double] {
    (0..<parameter.count).map { Double(parameter.gradient[$0]) }
  }
}
