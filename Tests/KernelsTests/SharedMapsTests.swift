import Foundation
import TestSupport
import Testing

@testable import Kernels

extension WorkerPoolTests {
  /// Maps' operations give the same bits with one worker and with three, over sizes of several pieces and odd counts.
  @Suite struct SharedMaps {
    /// `results` with one worker and with three.
    private func expectSame(_ results: () throws -> [[UInt8]]) rethrows {
      WorkerPool.choose(1)
      let alone = try results()
      WorkerPool.choose(3)
      let shared = try results()
      #expect(alone.count == shared.count)
      for (number, pair) in zip(alone, shared).enumerated() {
        #expect(Data(pair.0) == Data(pair.1), "result \(number)")
      }
    }

    private func bytes<T>(_ values: [T]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
    private func bytes<T>(_ values: UnsafePointer<T>, _ count: Int) -> [UInt8] {
      bytes(Array(UnsafeBufferPointer(start: values, count: count)))
    }

    struct Convolution: CustomTestStringConvertible, Sendable {
      var shape: ConvolutionShape
      var size: MapSize
      var testDescription: String { "\(shape) of \(size)" }
    }

    /// A stem, kernels of 1 and 3 with and without stride, weights that exceed a second-level cache.
    static let convolutions = [
      (3, 32, 7, 2, 3, 19, 34, 30), (64, 96, 1, 1, 0, 25, 8, 9), (96, 64, 1, 2, 0, 45, 15, 13),
      (64, 64, 3, 1, 1, 25, 9, 11), (64, 96, 3, 2, 1, 29, 15, 11), (128, 256, 3, 1, 1, 29, 7, 5),
      (256, 256, 3, 2, 1, 33, 5, 7), (512, 1056, 1, 2, 0, 43, 5, 5),
    ].map { inputs, outputs, kernel, stride, padding, batch, height, width in
      Convolution(
        shape: ConvolutionShape(
          inputs: inputs, outputs: outputs, kernel: kernel, stride: stride, padding: padding),
        size: MapSize(batch: batch, height: height, width: width))
    }

    @Test(arguments: convolutions) func convolution(_ test: Convolution) throws {
      let (shape, size, arena) = (test.shape, test.size, try Arena(capacity: 1 << 28))
      let (rows, outputs) = (shape.output(size).rows, shape.outputs)
      let (x, dy) = (
        Values<BFloat16>(size.rows * shape.inputs, seed: 1), Values<BFloat16>(rows * outputs, seed: 2)
      )
      let weight = seededFloats(outputs * shape.fanIn, seed: 3)
      let factors = seededFloats(4 * outputs, seed: 4)
      weight.withUnsafeBufferPointer { weight in
        expectSame {
          let map = ConvolutionMap<BFloat16>(shape, weight: weight.baseAddress!)
          var (y, dx) = (unwritten(BFloat16.self, rows * outputs), x.stored)
          var dWeight = [Float](repeating: 1, count: weight.count)
          let moments = map.forwardWithMoments(x.stored, size, into: &y, arena: arena)
          factors.withUnsafeBufferPointer {
            let at = $0.baseAddress!
            let norm = NormGradient(
              mean: at, scale: at + outputs, shift: at + 2 * outputs, slope: at + 3 * outputs)
            dx.withUnsafeMutableBufferPointer {
              map.backward(
                dy.stored, through: norm, of: y, input: x.stored, size,
                into: shape.inputs == 3 ? nil : $0.baseAddress, accumulating: true, dWeight: &dWeight,
                arena: arena)
            }
          }
          let sums = moments.map {
            [bytes($0.pivot, outputs), bytes($0.sums, outputs), bytes($0.squares, outputs)]
          }
          return [bytes(y), bytes(dx), bytes(dWeight)] + (sums ?? [])
        }
      }
    }

    @Test(arguments: Precision.allCases) func batchNorm(_ precision: Precision) throws {
      try batchNorm(precision.storage)
    }

    private func batchNorm<S: ComputeScalar>(_: S.Type) throws {
      let (rows, columns, arena) = (4801, 67, try Arena(capacity: 1 << 26))
      let (x, residual) = (Values<S>(rows * columns, seed: 1), Values<S>(rows * columns, seed: 2))
      let dy = Values<S>(rows * columns, seed: 3)
      let (gain, bias) = (seededFloats(columns, seed: 4, offset: 1), seededFloats(columns, seed: 5))
      try expectSame {
        let moments = try batchMoments(
          x.stored, rows: rows, columns: columns, eps: 1e-5, sumOverRanks: nil, arena: arena)
        var y = unwritten(S.self, rows * columns)
        batchNormForward(
          x.stored, residual: residual.stored, moments: moments, gain: gain, bias: bias, relu: true, into: &y,
          rows: rows, columns: columns, arena: arena)
        var (d, dx) = (dy.stored, y)
        var (dGain, dBias) = ([Float](repeating: 0, count: columns), [Float](repeating: 0, count: columns))
        let norm = try batchNormGradient(
          &d, relu: y, x: x.stored, moments: moments, through: .batch(nil), gain: gain, dGain: &dGain,
          dBias: &dBias, rows: rows, columns: columns, arena: arena)
        batchNormInputGradient(d, x: x.stored, norm, into: &dx, rows: rows, columns: columns)
        return [
          bytes(moments.mean, columns), bytes(moments.variance, columns), bytes(y), bytes(d), bytes(dGain),
          bytes(dBias), bytes(dx),
        ]
      }
    }

    @Test(arguments: Precision.allCases) func pooling(_ precision: Precision) { pooling(precision.storage) }

    private func pooling<S: ComputeScalar>(_: S.Type) {
      let size = MapSize(batch: 7, height: 23, width: 21)
      for shape in [
        PoolingShape(.maximum, channels: 70, kernel: 3, stride: 2, padding: 1),
        PoolingShape(.average, channels: 70, kernel: 3, stride: 2, padding: 1),
        PoolingShape.globalAverage(channels: 70, size),
      ] {
        let (count, after) = (size.rows * shape.channels, shape.output(size).rows * shape.channels)
        let (x, dy) = (Values<S>(count, seed: 1), Values<S>(after, seed: 2))
        expectSame {
          var (y, dx) = (unwritten(S.self, after), unwritten(S.self, count))
          var places = [UInt8](repeating: 0, count: max(1, shape.workspaceBytes(size)))
          poolingForward(x.stored, shape, size, into: &y, workspace: &places)
          poolingBackward(dy.stored, shape, size, into: &dx, workspace: places)
          return [bytes(y), places, bytes(dx)]
        }
      }
    }

    @Test(arguments: Precision.allCases) func layouts(_ precision: Precision) throws {
      try layouts(precision.storage)
    }

    private func layouts<S: ComputeScalar>(_: S.Type) throws {
      let size = MapSize(batch: 5, height: 41, width: 47)
      let images = seededFloats(size.rows * 3, seed: 1)
      let shape = AttentionPoolShape(batch: 7, tokens: 50, width: 198, heads: 3)
      let (few, many) = (shape.batch * shape.width, shape.batch * shape.tokens * shape.width)
      let (q, dOut) = (Values<S>(few, seed: 2), Values<S>(few, seed: 3))
      let (k, v) = (Values<S>(many, seed: 4), Values<S>(many, seed: 5))
      let positions = seededFloats(shape.tokens * shape.width, seed: 6)
      let arena = try Arena(capacity: 1 << 24)
      expectSame {
        var map = unwritten(S.self, images.count)
        channelsLast(images, channels: 3, size, into: &map)
        var (p, out) = (unwritten(Float.self, shape.probabilityCount), unwritten(S.self, few))
        attentionPoolForward(q: q.stored, k: k.stored, v: v.stored, shape, probabilities: &p, into: &out)
        var (dQ, dK, dV) = (out, k.stored, v.stored)
        attentionPoolBackward(
          dOut.stored, q: q.stored, k: k.stored, v: v.stored, probabilities: p, shape, dQ: &dQ, dK: &dK,
          dV: &dV, arena: arena)
        let places = shape.tokens - 1
        var (rows, dRows) = (unwritten(S.self, many), unwritten(S.self, shape.batch * places * shape.width))
        var dPositions = positions
        prependMeanForward(
          k.stored, positions: positions, into: &rows, batch: shape.batch, places: places,
          columns: shape.width)
        prependMeanBackward(
          v.stored, into: &dRows, dPositions: &dPositions, batch: shape.batch, places: places,
          columns: shape.width)
        return [
          bytes(map), bytes(p), bytes(out), bytes(dQ), bytes(dK), bytes(dV), bytes(rows), bytes(dRows),
          bytes(dPositions),
        ]
      }
    }
  }
}
