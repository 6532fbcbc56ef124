#if canImport(Glibc)
  import Glibc
#endif

private let hugePageBytes = 2 << 20

/// Whole pages for `count` elements: huge ones where the block is long enough to fill some.
package func pageBytes(of count: Int) -> Int {
  let bytes = max(64, count * MemoryLayout<Float>.stride)
  let grain = bytes >= hugePageBytes ? hugePageBytes : Int(getpagesize())
  return (bytes + grain - 1) / grain * grain
}

/// `count` zeros straight from the system, which gives memory when it is first touched, in huge pages where it can: for
/// the blocks that a step runs through from end to end. Released by `releasePages`.
package func hugePages(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
  let bytes = pageBytes(of: count)
  // A long block begins on a huge page; what lies around it goes back.
  let slack = bytes >= hugePageBytes ? hugePageBytes : 0
  let address = mmap(nil, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  guard let address, address != MAP_FAILED else {
    fatalError("no memory for \(bytes) bytes of parameters: \(String(cString: strerror(errno)))")
  }
  let lead = slack == 0 ? 0 : (hugePageBytes - Int(bitPattern: address) % hugePageBytes) % hugePageBytes
  if lead > 0 { munmap(address, lead) }
  if slack > lead { munmap(address + lead + bytes, slack - lead) }
  let start = address + lead
  // Refusal costs only speed.
  madvise(start, bytes, MADV_HUGEPAGE)
  return UnsafeMutableBufferPointer(start: start.bindMemory(to: Float.self, capacity: count), count: count)
}

/// The pages of a block from `hugePages`.
package func pages(of block: UnsafeMutableBufferPointer<Float>) -> UnsafeMutableRawBufferPointer {
  UnsafeMutableRawBufferPointer(start: block.baseAddress!, count: pageBytes(of: block.count))
}

/// Gives a block from `hugePages` back.
package func releasePages(_ block: UnsafeMutableBufferPointer<Float>) {
  munmap(block.baseAddress!, pageBytes(of: block.count))
}
