/// Hands every rank the weights that the others have updated, unit by unit, while the next are updated.
package final class WeightGather {
  private let communicator: any Communicator
  private let exchanges: [Exchange]

  /// - Parameters:
  ///   - values: all weights, in the gradient's layout; what lies behind the layout's end stays.
  ///   - layout: that of the gradients.
  package init(
    values: UnsafeMutableBufferPointer<Float>, layout: GradientLayout, style: ExchangeStyle,
    communicator: any Communicator
  ) {
    self.communicator = communicator
    exchanges = layout.units.map {
      Exchange(
        .allGather, UnsafeMutableBufferPointer(rebasing: values[$0.range]), cuts: $0.cuts, style: style)
    }
  }

  /// This rank's part of unit `index` is as it will be; units start in order.
  package func start(_ index: Int) throws { try communicator.start(exchanges[index]) }

  /// Waits for every unit.
  ///
  /// - Returns: the seconds that the caller stood still.
  package func finish() throws -> Double {
    var seconds = 0.0
    for exchange in exchanges { seconds += try exchange.wait() }
    return seconds
  }
}
