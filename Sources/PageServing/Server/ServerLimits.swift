/// What one server takes on, so that no client costs the run more than this.
package struct ServerLimits: Sendable {
  /// Beyond it the connection that has kept the server waiting longest makes room.
  var connections = 256
  /// Of a request, its first line included.
  var headerBytes = 8192
  /// From a request's first byte, or from the connection's begin, to the request's last byte.
  var requestSeconds = 10.0
  /// Between requests.
  var idleSeconds = 30.0
  /// Without a byte taken by the client, while an answer is sent.
  var sendSeconds = 20.0
  /// Of answers that wait for their clients, all connections together.
  var waitingBytes = 64 << 20
  /// After the last answer, for the client's own end: closing at once could destroy the answer on its way.
  var lingerSeconds = 1.0

  package init() {}
}
