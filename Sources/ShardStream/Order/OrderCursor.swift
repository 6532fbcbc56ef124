/// Draws from a `GlobalOrder`, anywhere and in any order; the permuted shards of the epochs in use are kept.
package struct OrderCursor: Sendable {
  /// A batch at a boundary needs two epochs, that of a small component three.
  private static let keptEpochs = 3

  private let order: GlobalOrder
  /// For each component, the last used first.
  private var epochs: [[EpochOrder]]

  init(_ order: GlobalOrder) {
    self.order = order
    epochs = Array(repeating: [], count: order.components.count)
  }

  /// The sample in slot `slot` of the batch of step `step` (from 0 on).
  package mutating func draw(step: Int, slot: Int) -> SampleDraw {
    let place = order.place(step: step, slot: slot)
    return epoch(place.epoch, of: place.component).draw(lane: place.lane, ordinal: place.ordinal)
  }

  /// The samples in some slots of one batch.
  package mutating func draws(step: Int, slots: Range<Int>) -> [SampleDraw] {
    slots.map { draw(step: step, slot: $0) }
  }

  /// One epoch of a component, laid out when it is first asked for.
  mutating func epoch(_ epoch: Int, of component: Int) -> EpochOrder {
    if let index = epochs[component].firstIndex(where: { $0.epoch == epoch }) {
      if index > 0 { epochs[component].swapAt(0, index) }
      return epochs[component][0]
    }
    if epochs[component].count == Self.keptEpochs { epochs[component].removeLast() }
    epochs[component].insert(order.epoch(epoch, of: component), at: 0)
    return epochs[component][0]
  }
}
