import Foundation
internal import CMPIShims

/// What the ranks of one machine see of each other's memory. Used on the communication thread only.
final class Machine {
  /// Pages of this rank, and where those of its peers are mapped.
  private struct Window {
    let file: kelip_shared_file
    let own: UnsafeMutableRawBufferPointer
    /// By local rank; this rank's are `own`.
    let peers: [UnsafeRawPointer]
  }

  /// The ranks of the machine, in the order of the world.
  let group: Channel
  private let worldRank: Int
  private var windows: [Window] = []
  private(set) var stages: (scatter: SharedStage, gather: SharedStage)?

  /// - Parameter group: the ranks of the machine, with an order of its own.
  init(_ group: Channel, worldRank: Int) throws {
    (self.group, self.worldRank) = (group, worldRank)
    // The reason is a test's, or that of somebody whose system forbids it.
    let isOff = ProcessInfo.processInfo.environment["KELIP_SHARED_MEMORY"] == "off"
    let size = Int(getpagesize())
    var (file, address) = (kelip_shared_file(), UnsafeMutableRawPointer?.none)
    let isMade = !isOff && kelip_shared_make(size, &file, &address) == 0
    guard let peers = try exchange(isMade ? file : nil, own: address.map { UnsafeRawPointer($0) }) else {
      return
    }
    stages = (
      SharedStage(own: address!, peers: peers),
      SharedStage(own: address! + 512, peers: peers.map { $0 + 512 })
    )
  }

  /// Makes pages readable for the peers; where anybody fails, nobody uses them.
  func share(_ pages: UnsafeMutableRawBufferPointer) throws {
    guard stages != nil else { return }
    var file = kelip_shared_file()
    let isMade = kelip_shared_replace(pages.baseAddress, pages.count, &file) == 0
    guard let peers = try exchange(isMade ? file : nil, own: UnsafeRawPointer(pages.baseAddress)) else {
      return
    }
    windows.append(Window(file: file, own: pages, peers: peers))
  }

  /// Forgets pages that are shared; they may have been unmapped since.
  func unshare(_ pages: UnsafeMutableRawBufferPointer) {
    for window in windows where window.own.baseAddress == pages.baseAddress { close(window) }
    windows.removeAll { $0.own.baseAddress == pages.baseAddress }
  }

  /// Where the peers' versions of a part of this rank's memory lie, by local rank; nil where that is not shared.
  func versions(of range: UnsafeRawBufferPointer) -> [UnsafeRawPointer]? {
    guard stages != nil, let start = range.baseAddress else { return nil }
    for window in windows {
      let offset = start - UnsafeRawPointer(window.own.baseAddress!)
      if offset >= 0, offset + range.count <= window.own.count { return window.peers.map { $0 + offset } }
    }
    return nil
  }

  /// Opens the peers' files, if all of them could be made and opened by everyone.
  private func exchange(_ file: kelip_shared_file?, own: UnsafeRawPointer?) throws -> [UnsafeRawPointer]? {
    let files = try group.gatherNow(file ?? kelip_shared_file(), worldRank: worldRank)
    var opened: [UnsafeRawPointer?] = []
    for (k, peer) in files.enumerated() {
      guard k != group.rank else {
        opened.append(file == nil ? nil : own)
        continue
      }
      let isComparable = file != nil && peer.bytes == file!.bytes
      opened.append(isComparable ? withUnsafePointer(to: peer, kelip_shared_open) : nil)
    }
    let isWhole = !opened.contains(nil)
    let everybody = try group.gatherNow(isWhole, worldRank: worldRank)
    // They are mapped by all who want them.
    if var file { kelip_shared_forget(&file) }
    guard everybody.allSatisfy(\.self) else {
      for (k, address) in opened.enumerated() where k != group.rank {
        if let address { kelip_shared_close(address, Int(files[k].bytes)) }
      }
      return nil
    }
    return opened.map { $0! }
  }

  private func close(_ window: Window) {
    for (k, peer) in window.peers.enumerated() where k != group.rank {
      kelip_shared_close(peer, Int(window.file.bytes))
    }
  }
}
