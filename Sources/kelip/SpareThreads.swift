import Collectives
import Foundation

extension Communicator {
  /// Threads that read and decode: a process alone has all cores, a rank its own.
  var decodeThreads: Int { worldSize > 1 ? 1 : ProcessInfo.processInfo.activeProcessorCount }
}
