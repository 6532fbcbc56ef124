import Kernels
import Testing

@Suite("The activation arena")
struct ArenaTests {
  @Test("allocations are aligned, apart, and given back by scratch")
  func scratch() throws {
    let arena = try Arena(capacity: 1 << 20)
    let first = arena.allocate(Float.self, 3)
    let second = try arena.scratch {
      let pointer = arena.allocate(UInt8.self, 1)
      try #require(UInt(bitPattern: pointer) % 64 == 0)
      return UInt(bitPattern: pointer)
    }
    #expect(second - UInt(bitPattern: first) == 64)
    #expect(UInt(bitPattern: arena.allocate(Double.self, 1)) == second)
    #expect(arena.peakBytes == 128)
  }

  @Test("zeroed memory is zero after use")
  func zeroed() throws {
    let arena = try Arena(capacity: 1 << 20)
    arena.scratch { arena.allocate(Float.self, 100).update(repeating: 7, count: 100) }
    let memory = arena.allocateZeroed(Float.self, 100)
    #expect((0..<100).allSatisfy { memory[$0] == 0 })
  }

  @Test("rewinding to a mark gives back what came after")
  func marks() throws {
    let arena = try Arena(capacity: 1 << 20)
    _ = arena.allocate(Float.self, 16)
    let mark = arena.mark
    let first = arena.allocate(Float.self, 16)
    arena.rewind(to: mark)
    #expect(arena.allocate(Float.self, 16) == first)
  }
}
