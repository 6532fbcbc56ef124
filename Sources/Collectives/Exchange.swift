/// How gradients travel between ranks.
package enum GradientWire: String, CaseIterable, Sendable {
  case fp32
  /// Rounded to bf16 for every journey in a message, summed in 32 bits. Memory that ranks of a machine share is read as
  /// it is.
  case bf16
}

/// By which way, and in which form, the parts of an exchange travel.
package struct ExchangeStyle: Sendable, Equatable {
  package var wire: GradientWire
  /// First among the ranks of a machine, then between machines, where all hold equally many ranks.
  package var isHierarchical: Bool

  package init(wire: GradientWire = .fp32, isHierarchical: Bool = true) {
    (self.wire, self.isHierarchical) = (wire, isHierarchical)
  }
}

/// A collective over a buffer that is divided into one part a rank, made to be started again and again: a start
/// allocates nothing on the calling thread.
///
/// Part k belongs to the rank whose `Communicator.place` is k. Between `start` and the end of `wait` everything here
/// belongs to the communicator.
package final class Exchange: @unchecked Sendable {
  // Safe to share: touched by one side at a time, handed over under the lock of `pending`.
  package enum Kind: Sendable {
    /// The sum over ranks of this rank's part in its place; the rest of the buffer is undefined.
    case reduceScatter
    /// Every part from its owner.
    case allGather
    /// The sum everywhere.
    case allReduce
  }

  package let kind: Kind
  package let style: ExchangeStyle
  package var buffer: UnsafeMutableBufferPointer<Float>
  /// N + 1 ascending places in the buffer, from 0 to its count: where parts begin and end.
  package var cuts: [Int]
  /// Σ x² of this rank's part of the sum; 0 for a gather.
  package var sumOfSquares = 0.0
  /// Run on the communicator's thread before the buffer is looked at, and before `wait` returns.
  package var before: (() -> Void)?
  package var after: (() -> Void)?
  package let pending = PendingCollective()

  package init(
    _ kind: Kind, _ buffer: UnsafeMutableBufferPointer<Float>, cuts: [Int], style: ExchangeStyle
  ) {
    precondition(cuts.first == 0 && cuts.last == buffer.count, "parts that do not fill their buffer")
    (self.kind, self.style, self.buffer, self.cuts) = (kind, style, buffer, cuts)
  }

  /// The elements of parts `places`.
  package func range(_ places: Range<Int>) -> Range<Int> {
    cuts[places.lowerBound]..<cuts[places.upperBound]
  }

  /// As `PendingCollective.wait`.
  @discardableResult
  package func wait() throws -> Double { try pending.wait() }
}
