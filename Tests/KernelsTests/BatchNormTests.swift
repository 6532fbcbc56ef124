import Kernels
import TestSupport
import Testing

@Suite("Batch norm with residual and ReLU")
struct BatchNormTests {
  /// A norm's numbers as a fast path stores them.
  private struct Numbers<S: ComputeScalar> {
    let shape: MatrixShape
    let x: Values<S>
    let residual: Values<S>
    let dy: Values<S>
    let gain: [Float]
    let bias: [Float]

    init(_ shape: MatrixShape, offset: Double = 0.5) {
      self.shape = shape
      let count = shape.rows * shape.columns
      x = Values(count, seed: 1, offset: offset)
      (residual, dy) = (Values(count, seed: 2), Values(count, seed: 3))
      gain = seededFloats(shape.columns, seed: 4, offset: 1)
      bias = seededFloats(shape.columns, seed: 5)
    }

    func moments(_ arena: Arena, rows: Range<Int>? = nil, sum: SumOverRanks? = nil) throws -> BatchMoments {
      let rows = rows ?? 0..<shape.rows
      let part = Array(x.stored[rows.lowerBound * shape.columns..<rows.upperBound * shape.columns])
      return try batchMoments(
        part, rows: rows.count, columns: shape.columns, eps: 1e-5, sumOverRanks: sum, arena: arena)
    }
  }

  private func floats(_ pointer: UnsafeMutablePointer<Float>, _ count: Int) -> [Double] {
    (0..<count).map { Double(pointer[$0]) }
  }

  /// Beyond one block of rows and one of columns, too.
  static let shapes =
    MatrixShape.awkward + [MatrixShape(rows: 200, columns: 3), MatrixShape(rows: 65, columns: 129)]

  @Test("the batch's statistics", arguments: shapes, Precision.allCases)
  func moments(_ shape: MatrixShape, _ precision: Precision) throws { try moments(precision.storage, shape) }

  private func moments<S: ComputeScalar>(_: S.Type, _ shape: MatrixShape) throws {
    let (numbers, arena) = (Numbers<S>(shape), try Arena(capacity: 1 << 24))
    let moments = try numbers.moments(arena)
    let expected = Reference.batchMoments(numbers.x.exact, rows: shape.rows, columns: shape.columns)
    #expect(moments.count == Double(shape.rows))
    #expect(mismatch(floats(moments.mean, shape.columns), expected.mean, tolerance: 1e-5) == nil)
    #expect(mismatch(floats(moments.variance, shape.columns), expected.variance, tolerance: 1e-5) == nil)
    let rstd = expected.variance.map { 1 / ($0 + 1e-5).squareRoot() }
    #expect(mismatch(floats(moments.rstd, shape.columns), rstd, tolerance: 1e-5) == nil)
  }

  @Test("a mean far above the deviation loses no variance")
  func largeMean() throws {
    let shape = MatrixShape(rows: 97, columns: 3)
    let (numbers, arena) = (Numbers<Float>(shape, offset: 4096), try Arena(capacity: 1 << 24))
    let moments = try numbers.moments(arena)
    let expected = Reference.batchMoments(numbers.x.exact, rows: shape.rows, columns: shape.columns)
    #expect(mismatch(floats(moments.variance, 3), expected.variance, tolerance: 1e-5) == nil)
  }

  @Test("forward", arguments: shapes, Precision.allCases)
  func forward(_ shape: MatrixShape, _ precision: Precision) throws { try forward(precision.storage, shape) }

  private func forward<S: ComputeScalar>(_: S.Type, _ shape: MatrixShape) throws {
    let (numbers, arena) = (Numbers<S>(shape), try Arena(capacity: 1 << 24))
    let moments = try numbers.moments(arena)
    let (mean, variance) = Reference.batchMoments(numbers.x.exact, rows: shape.rows, columns: shape.columns)
    for (residual, relu) in [(nil, false), (nil, true), (numbers.residual, false), (numbers.residual, true)] {
      var y = unwritten(S.self, numbers.x.stored.count)
      batchNormForward(
        numbers.x.stored, residual: residual?.stored, moments: moments, gain: numbers.gain,
        bias: numbers.bias,
        relu: relu, into: &y, rows: shape.rows, columns: shape.columns, arena: arena)
      let expected = Reference.batchNormForward(
        numbers.x.exact, residual: residual?.exact, mean: mean, variance: variance,
        gain: doubles(numbers.gain),
        bias: doubles(numbers.bias), relu: relu)
      #expect(mismatch(y, expected, tolerance: tolerance(S.self, fp32: 2e-5, bf16: 5e-3)) == nil)
    }
  }

  @Test("backward through the batch's and through stored statistics", arguments: shapes, Precision.allCases)
  func backward(_ shape: MatrixShape, _ precision: Precision) throws {
    try backward(precision.storage, shape, .batch(nil))
    try backward(precision.storage, shape, .none)
  }

  private func backward<S: ComputeScalar>(
    _: S.Type, _ shape: MatrixShape, _ statistics: MomentsGradient
  ) throws {
    let (numbers, arena) = (Numbers<S>(shape), try Arena(capacity: 1 << 24))
    let before = (gain: seededFloats(shape.columns, seed: 6), bias: seededFloats(shape.columns, seed: 7))
    var (dGain, dBias) = before
    var dx = unwritten(S.self, numbers.x.stored.count)
    try batchNormBackward(
      numbers.dy.stored, x: numbers.x.stored, moments: try numbers.moments(arena), through: statistics,
      gain: numbers.gain, dGain: &dGain, dBias: &dBias, into: &dx, rows: shape.rows, columns: shape.columns,
      arena: arena)
    let (mean, variance) = Reference.batchMoments(numbers.x.exact, rows: shape.rows, columns: shape.columns)
    var ofBatch = false
    if case .batch = statistics { ofBatch = true }
    let expected = Reference.batchNormBackward(
      numbers.dy.exact, x: numbers.x.exact, mean: mean, variance: variance, gain: doubles(numbers.gain),
      ofBatch: ofBatch)
    // One row has no gradient but what rounding leaves of 1/√ε times it.
    let floor = (shape.rows == 1 ? 1e-3 : 0) * norm(numbers.dy.exact)
    let bound = tolerance(S.self, fp32: 2e-5, bf16: 5e-3)
    #expect(normMismatch(doubles(dx), expected.dX, tolerance: bound, floor: floor) == nil)
    #expect(
      mismatch(dGain, zip(doubles(before.gain), expected.dGain).map(+), tolerance: 5e-5) == nil)
    #expect(mismatch(dBias, zip(doubles(before.bias), expected.dBias).map(+), tolerance: 5e-5) == nil)
  }

  @Test("ranks together have the statistics and gradients of one", arguments: Precision.allCases)
  func synchronised(_ precision: Precision) throws { try synchronised(precision.storage) }

  /// Rows 0–12 on one rank, 13–32 on the other; each is run with the sums that the exchange would give.
  private func synchronised<S: ComputeScalar>(_: S.Type) throws {
    let shape = MatrixShape(rows: 33, columns: 7)
    let (numbers, arena) = (Numbers<S>(shape), try Arena(capacity: 1 << 24))
    let (parts, whole) = ([0..<13, 13..<33], try numbers.moments(arena))
    let forwardSums = try exchanged { sum in
      for part in parts { _ = try numbers.moments(arena, rows: part, sum: sum) }
    }
    let backwardSums = try exchanged { sum in
      for part in parts { _ = try Gradients(numbers, part, whole, sum, arena) }
    }
    let expected = try Gradients(numbers, 0..<33, whole, nil, arena)
    var found = Gradients<S>()
    for part in parts {
      let moments = try numbers.moments(arena, rows: part, sum: forwardSums)
      #expect(moments.count == 33)
      #expect(mismatch(floats(moments.mean, 7), floats(whole.mean, 7), tolerance: 1e-6) == nil)
      #expect(mismatch(floats(moments.variance, 7), floats(whole.variance, 7), tolerance: 1e-6) == nil)
      found.append(try Gradients(numbers, part, moments, backwardSums, arena))
    }
    let bound = tolerance(S.self, fp32: 1e-5, bf16: 8e-3)
    #expect(mismatch(found.dX, doubles(expected.dX), tolerance: bound) == nil)
    // Each rank adds its own rows' part of the parameters' gradients.
    #expect(mismatch(found.dGain, doubles(expected.dGain), tolerance: 1e-5) == nil)
    #expect(mismatch(found.dBias, doubles(expected.dBias), tolerance: 1e-5) == nil)
  }

  /// What backward gives for some of a norm's rows.
  private struct Gradients<S: ComputeScalar> {
    var dX: [S] = []
    var dGain = [Float](repeating: 0, count: 7)
    var dBias = [Float](repeating: 0, count: 7)

    init() {}

    init(
      _ numbers: Numbers<S>, _ rows: Range<Int>, _ moments: BatchMoments, _ sum: SumOverRanks?,
      _ arena: Arena
    ) throws {
      let cells = rows.lowerBound * 7..<rows.upperBound * 7
      dX = unwritten(S.self, cells.count)
      try batchNormBackward(
        Array(numbers.dy.stored[cells]), x: Array(numbers.x.stored[cells]), moments: moments,
        through: .batch(sum), gain: numbers.gain, dGain: &dGain, dBias: &dBias, into: &dX, rows: rows.count,
        columns: 7, arena: arena)
    }

    /// The next rank's rows; parameters' gradients add up.
    mutating func append(_ other: Gradients) {
      dX += other.dX
      dGain = zip(dGain, other.dGain).map(+)
      dBias = zip(dBias, other.dBias).map(+)
    }
  }

  /// Adds up what all calls of an exchange hand in, and returns an exchange that answers with that.
  private func exchanged(_ calls: (@escaping SumOverRanks) throws -> Void) throws -> SumOverRanks {
    var total: [Double] = []
    try calls { values in
      total = total.isEmpty ? Array(values) : zip(total, values).map(+)
    }
    let answer = total
    return { values in for i in values.indices { values[i] = answer[i] } }
  }

  @Test("running statistics: momentum 0.1, unbiased variance; stored ones come back")
  func running() throws {
    let (shape, arena) = (MatrixShape(rows: 5, columns: 2), try Arena(capacity: 1 << 24))
    let moments = try Numbers<Float>(shape).moments(arena)
    var (mean, variance): ([Float], [Float]) = ([1, -1], [2, 3])
    updateRunningStatistics(mean: &mean, variance: &variance, with: moments, columns: 2, momentum: 0.1)
    for c in 0..<2 {
      #expect(abs(mean[c] - (0.9 * [1, -1][c] + 0.1 * moments.mean[c])) < 1e-6)
      #expect(abs(variance[c] - (0.9 * [2, 3][c] + 0.1 * moments.variance[c] * 5 / 4)) < 1e-6)
    }
    let stored = storedMoments(mean: &mean, variance: &variance, columns: 2, eps: 1e-5, arena: arena)
    for c in 0..<2 { #expect(abs(stored.rstd[c] - 1 / (variance[c] + 1e-5).squareRoot()) < 1e-6) }
  }

  @Test("the ReLU passes gradients where its result is above 0, and lets a NaN through")
  func relu() throws {
    let arena = try Arena(capacity: 1 << 20)
    var (zero, one): ([Float], [Float]) = ([0], [1])
    let stored = storedMoments(mean: &zero, variance: &one, columns: 1, eps: 0, arena: arena)
    var (dy, dGain, dBias): ([Float], [Float], [Float]) = ([1, 2, 3, 4], [0], [0])
    _ = try batchNormGradient(
      &dy, relu: [0, 1, .nan, -0.0], x: [4, 3, 2, 1], moments: stored, through: .none, gain: [1],
      dGain: &dGain, dBias: &dBias, rows: 4, columns: 1, arena: arena)
    #expect(dy == [0, 2, 3, 0] && dGain == [12] && dBias == [5])
    var y = unwritten(Float.self, 3)
    batchNormForward(
      [-1, .nan, 2], residual: nil, moments: stored, gain: [1], bias: [0], relu: true, into: &y, rows: 3,
      columns: 1, arena: arena)
    #expect(y[0] == 0 && y[1].isNaN && y[2] == 2)
  }

  @Test("finite differences: step 1e-5, tolerance 1e-6", arguments: [(2, 1), (5, 3)], [false, true])
  func finiteDifferences(_ sizes: (rows: Int, columns: Int), _ ofBatch: Bool) {
    let (rows, columns) = sizes
    let (x, dy) = (seededDoubles(rows * columns, seed: 1), seededDoubles(rows * columns, seed: 2))
    let (gain, bias) = (seededDoubles(columns, seed: 3), seededDoubles(columns, seed: 4))
    let stored = Reference.batchMoments(x.map { 2 * $0 + 1 }, rows: rows, columns: columns)
    func loss(_ x: [Double], _ gain: [Double], _ bias: [Double]) -> Double {
      let (mean, variance) = ofBatch ? Reference.batchMoments(x, rows: rows, columns: columns) : stored
      return Reference.dot(
        dy, Reference.batchNormForward(x, mean: mean, variance: variance, gain: gain, bias: bias))
    }
    let (mean, variance) = ofBatch ? Reference.batchMoments(x, rows: rows, columns: columns) : stored
    let analytic = Reference.batchNormBackward(
      dy, x: x, mean: mean, variance: variance, gain: gain, ofBatch: ofBatch)
    for (analytic, numeric) in [
      (analytic.dX, TestSupport.finiteDifferences(of: x, step: 1e-5) { loss($0, gain, bias) }),
      (analytic.dGain, TestSupport.finiteDifferences(of: gain, step: 1e-5) { loss(x, $0, bias) }),
      (analytic.dBias, TestSupport.finiteDifferences(of: bias, step: 1e-5) { loss(x, gain, $0) }),
    ] { #expect(normMismatch(analytic, numeric, tolerance: 1e-6, floor: 1e-9) == nil) }
  }
}
