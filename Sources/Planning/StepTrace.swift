/// What one rank does in a training step: stretches of compute, and the collectives between them.
///
/// Recorded from a real step (`TraceRecorder`), so that it holds whatever the step does: gathers of the loss, buckets
/// under backward, a sharded optimizer's parts.
package struct StepTrace: Sendable, Equatable {
  package enum Action: Sendable, Equatable {
    /// The rank stands still until it is done.
    case blocking(Collective)
    /// Goes on in the background, after all that were started before.
    case start(Collective)
    /// The rank stands still until the `start` of that number (from 0) is done.
    case wait(Int)
  }

  package struct Event: Sendable, Equatable {
    /// Compute since the event before it, or since the step's beginning.
    package var computeSeconds: Double
    package var action: Action

    package init(_ computeSeconds: Double, _ action: Action) {
      (self.computeSeconds, self.action) = (computeSeconds, action)
    }
  }

  package var events: [Event]
  /// Compute after the last event.
  package var tailSeconds: Double

  package init(events: [Event], tailSeconds: Double) {
    (self.events, self.tailSeconds) = (events, tailSeconds)
  }

  package var computeSeconds: Double { events.reduce(tailSeconds) { $0 + $1.computeSeconds } }

  /// Sum of the bytes of all collectives, as each counts them.
  package var bytes: Double { events.reduce(0) { $0 + ($1.action.collective?.bytes ?? 0) } }

  /// Every stretch of compute times `factor`: a faster or a slower core.
  package func scaled(by factor: Double) -> StepTrace {
    StepTrace(
      events: events.map { Event($0.computeSeconds * factor, $0.action) }, tailSeconds: tailSeconds * factor)
  }

  /// More compute before the first bucket of gradients: where the loss stands.
  package func adding(lossSeconds: Double) -> StepTrace {
    var copy = self
    let place = events.firstIndex { if case .start = $0.action { true } else { false } }
    if let place { copy.events[place].computeSeconds += lossSeconds } else { copy.tailSeconds += lossSeconds }
    return copy
  }

  /// The stretch-wise median of traces of the same step.
  package static func median(_ traces: [StepTrace]) -> StepTrace? {
    guard let first = traces.first, traces.allSatisfy({ $0.hasSameShape(as: first) }) else { return nil }
    func middle(_ value: (StepTrace) -> Double) -> Double {
      let sorted = traces.map(value).sorted()
      return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
    let events = first.events.indices.map { index in
      Event(middle { $0.events[index].computeSeconds }, first.events[index].action)
    }
    return StepTrace(events: events, tailSeconds: middle(\.tailSeconds))
  }

  /// The same actions in the same order, whatever their bytes.
  package func hasSameShape(as other: StepTrace) -> Bool {
    events.count == other.events.count
      && zip(events, other.events).allSatisfy { $0.action.hasSameKind(as: $1.action) }
  }
}

extension StepTrace.Action {
  package var collective: Collective? {
    switch self {
    case .blocking(let collective), .start(let collective): collective
    case .wait: nil
    }
  }

  fileprivate func hasSameKind(as other: Self) -> Bool {
    switch (self, other) {
    case (.blocking(let a), .blocking(let b)), (.start(let a), .start(let b)): a.kind == b.kind
    case (.wait(let a), .wait(let b)): a == b
    default: false
    }
  }

  /// With other bytes, where it has any.
  func with(bytes: Double) -> Self {
    switch self {
    case .blocking(let collective): .blocking(collective.with(bytes: bytes))
    case .start(let collective): .start(collective.with(bytes: bytes))
    case .wait: self
    }
  }
}
