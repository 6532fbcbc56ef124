/// The order of the steps of one kind, the same on every rank.
///
/// A step takes a ticket when its operation is queued, and goes when its number is up. Only the communication thread
/// touches it.
class Turnstile {
  private var nextTicket = 0
  private var nextUp = 0

  func takeTicket() -> Int {
    defer { nextTicket += 1 }
    return nextTicket
  }

  func isUp(_ ticket: Int) -> Bool { ticket == nextUp }

  /// Lets the next one go.
  func passed(_ ticket: Int) {
    precondition(isUp(ticket), "a step out of turn")
    nextUp += 1
  }
}
