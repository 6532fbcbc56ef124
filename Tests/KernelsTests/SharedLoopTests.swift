import TestSupport
import Testing

@testable import Kernels

extension WorkerPoolTests {
  /// Whatever the number of threads, every bit is the same.
  @Suite("Loops on one thread and on three") struct SharedLoops {
    /// Long enough for several pieces, and no multiple of any.
    private let rows = 301
    private let columns = 200

    private func expectSame(_ compute: () throws -> [[Float]]) throws {
      WorkerPool.choose(1)
      let alone = try compute()
      WorkerPool.choose(3)
      let shared = try compute()
      for (one, other) in zip(alone, shared) { #expect(one.map(\.bitPattern) == other.map(\.bitPattern)) }
    }

    @Test(arguments: Precision.allCases) func layerNorm(_ precision: Precision) throws {
      try layerNorm(precision.storage)
    }

    private func layerNorm<S: ComputeScalar>(_: S.Type) throws {
      let arena = try Arena(capacity: 1 << 30)
      let (x, residual) = (Values<S>(rows * columns, seed: 1), Values<S>(rows * columns, seed: 2))
      let (gain, bias) = (seededFloats(columns, seed: 3, offset: 1), seededFloats(columns, seed: 4))
      try expectSame {
        var (h, y): ([S], [S]) = (unwritten(rows * columns), unwritten(rows * columns))
        var (mean, rstd): ([Float], [Float]) = (unwritten(rows), unwritten(rows))
        addLayerNormForward(
          x.stored, residual: residual.stored, gain: gain, bias: bias, h: &h, into: &y, mean: &mean,
          rstd: &rstd, rows: rows, columns: columns)
        var (dH, dGain, dBias) = (residual.stored, gain, bias)
        layerNormBackward(
          x.stored, h: h, gain: gain, mean: mean, rstd: rstd, addingTo: &dH, dGain: &dGain, dBias: &dBias,
          rows: rows, columns: columns, arena: arena)
        return [h.map(\.float), y.map(\.float), mean, rstd, dH.map(\.float), dGain, dBias]
      }
    }

    @Test(arguments: AttentionTests.units, Precision.allCases)
    func attention(_ unit: AttentionUnit, _ precision: Precision) throws {
      try attention(precision.storage, unit)
    }

    private func attention<S: ComputeScalar>(_: S.Type, _ unit: AttentionUnit) throws {
      let arena = try Arena(capacity: 1 << 30)
      let offsets: [Int32] = [0, 77, 77, 90, 161, 294, 299]
      let shape = AttentionShape(rows: rows, width: 96, heads: 2, causal: true)
      let (qkv, dOut) = (Values<S>(rows * 288, seed: 1), Values<S>(rows * 96, seed: 2))
      try expectSame {
        var (out, dQKV): ([S], [S]) = (unwritten(rows * 96), unwritten(rows * 288))
        attentionForward(qkv.stored, offsets: offsets, shape: shape, into: &out, arena: arena, unit: unit)
        attentionBackward(
          dOut.stored, qkv: qkv.stored, offsets: offsets, shape: shape, into: &dQKV, arena: arena, unit: unit)
        return [out.map(\.float), dQKV.map(\.float)]
      }
    }

    @Test(arguments: Precision.allCases) func rowsAndActivations(_ precision: Precision) throws {
      try rowsAndActivations(precision.storage)
    }

    private func rowsAndActivations<S: ComputeScalar>(_: S.Type) throws {
      let count = rows * columns
      let (x, dy) = (Values<S>(count, seed: 1), Values<S>(count, seed: 2))
      let table = seededFloats(count, seed: 3)
      let ids = (0..<rows).map { Int32($0 % 7 == 3 ? -1 : $0 * 31 % rows) }
      let places = (0..<rows).map { Int32($0 % 11) }
      try expectSame {
        var results: [[S]] = []
        func result(_ body: (UnsafeMutablePointer<S>) -> Void) {
          var y: [S] = unwritten(count)
          body(&y)
          results.append(y)
        }
        for kind in [Activation.gelu, .quickGELU] {
          result { activationForward(kind, x.stored, into: $0, count: count) }
          result { activationBackward(kind, dy.stored, x: x.stored, into: $0, count: count) }
        }
        result { convert(table, into: $0, count: count) }
        result { gatherRows(x.stored, index: places, into: $0, columns: columns) }
        result {
          embedTokensForward(
            table: table, positions: table, ids: ids, position: places, into: $0, rows: rows, columns: columns
          )
        }
        result {
          assembleTokensForward(
            x.stored, token: table, positions: table, source: ids, position: places, into: $0,
            columns: columns)
        }
        var (sum, sums) = (x.stored, [Float](repeating: 1, count: columns))
        addInPlace(dy.stored, to: &sum, count: count)
        addColumnSums(dy.stored, to: &sums, rows: rows, columns: columns)
        return results.map { $0.map(\.float) } + [sum.map(\.float), sums]
      }
    }

    @Test func optimizerPasses() throws {
      let count = 64 * WorkerPool.worthSharing + 77
      let (w, g) = (seededFloats(count, seed: 1), seededFloats(count, seed: 2))
      let step = AdamWStep(
        lr: 1e-3, beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.2, gradientScale: 0.5, step: 3)
      try expectSame {
        var (w, m, v) = (w, g.map { $0 / 3 }, g.map { $0 * $0 })
        adamWUpdate(&w, gradients: g, m: &m, v: &v, count: count, step)
        let squares = sumOfSquares(g, count: count)
        var cleared = g
        cleared.withUnsafeMutableBufferPointer { clear($0) }
        #expect(cleared.allSatisfy { $0 == 0 })
        return [w, m, v, [Float(squares), Float(squares - Double(Float(squares)))]]
      }
    }

    @Test(arguments: [WeightLayout.outputsByInputs, .inputsByOutputs], Precision.allCases)
    func linearMaps(_ layout: WeightLayout, _ precision: Precision) throws {
      try linearMaps(precision.storage, layout)
    }

    private func linearMaps<S: ComputeScalar>(_: S.Type, _ layout: WeightLayout) throws {
      let arena = try Arena(capacity: 1 << 30)
      let (rows, inputs, outputs) = (301, 211, 333)
      let weight = seededFloats(inputs * outputs, seed: 1)
      let (x, dy) = (Values<S>(rows * inputs, seed: 2), Values<S>(rows * outputs, seed: 3))
      try expectSame {
        let map = LinearMap<S>(inputs: inputs, outputs: outputs, layout: layout, weight: weight)
        map.refresh()
        var (y, dx): ([S], [S]) = (unwritten(rows * outputs), unwritten(rows * inputs))
        var (dW, dB) = ([Float](repeating: 1, count: weight.count), [Float](repeating: 2, count: outputs))
        map.forward(x.stored, bias: weight, into: &y, rows: rows)
        map.backwardInput(dy.stored, into: &dx, rows: rows)
        map.backwardWeight(x.stored, dy.stored, into: &dW, dBias: &dB, rows: rows, arena: arena)
        return [y.map(\.float), dx.map(\.float), dW, dB]
      }
    }
  }
}
