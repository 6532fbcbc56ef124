import Basics
import Collectives
import Foundation
internal import CMPIShims

/// Binds the ranks of a machine to cores of their own where the launcher has not.
package enum CoreAffinity {
  /// What a rank tells the others.
  private struct Report: Codable {
    var host: String
    var cores: [Int]
  }

  /// Every rank calls it, before it makes threads of its own. `KELIP_BIND=off` leaves everything as it is.
  ///
  /// - Parameter threads: those that compute, in each rank.
  /// - Returns: what the user should know, on one rank of the machine.
  package static func settle(_ communicator: any Communicator, threads: Int) throws -> String? {
    if let text = try divide(communicator) { return text }
    guard communicator.localRank == 0 else { return nil }
    return CoreBinding.shortage(threads: threads, cores: allowedCores().count)
  }

  private static func divide(_ communicator: any Communicator) throws -> String? {
    guard communicator.worldSize > 1 else { return nil }
    let isOff = ProcessInfo.processInfo.environment["KELIP_BIND"] == "off"
    let mine = Report(host: ProcessInfo.processInfo.hostName, cores: isOff ? [] : allowedCores())
    let reports = try communicator.allGather(coding: mine)
    let local = reports.indices.filter { reports[$0].host == mine.host }
    let cores = local.map { reports[$0].cores }
    guard !cores.contains([]), let place = local.firstIndex(of: communicator.rank) else { return nil }
    switch CoreBinding.decide(allowed: cores, localRank: place) {
    case .keep: return nil
    case .take(let part):
      bind(to: part)
      return nil
    case .shared(let text): return place == 0 ? "\(text) on \(mine.host): each waits for the other" : nil
    }
  }

  /// Of the calling thread; empty where the system does not say.
  private static func allowedCores() -> [Int] {
    var bits = [UInt8](repeating: 0, count: Int(KELIP_CORE_BYTES))
    guard kelip_allowed_cores(&bits) == 0 else { return [] }
    return (0..<bits.count * 8).filter { bits[$0 / 8] >> ($0 % 8) & 1 == 1 }
  }

  /// All threads there are; those to come inherit it. A refusal costs only speed.
  private static func bind(to cores: [Int]) {
    var bits = [UInt8](repeating: 0, count: Int(KELIP_CORE_BYTES))
    for core in cores { bits[core / 8] |= 1 << UInt8(core % 8) }
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
    for task in tasks.compactMap({ Int32($0) }) { _ = kelip_bind_thread(task, bits) }
  }
}
