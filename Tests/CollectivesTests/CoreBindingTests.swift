import Collectives
import Testing

@Suite struct CoreBindingTests {
  @Test func coresThatAllMayUseAreDealtOut() {
    let cores = [0, 1, 2, 5, 6, 7, 8]
    let parts = (0..<3).map { CoreBinding.decide(allowed: [cores, cores, cores], localRank: $0) }
    #expect(parts == [.take([0, 1]), .take([2, 5]), .take([6, 7, 8])])
  }

  @Test func aLoneRankKeepsAll() { #expect(CoreBinding.decide(allowed: [[0, 1]], localRank: 0) == .keep) }

  @Test func theLaunchersBindingStays() {
    #expect(CoreBinding.decide(allowed: [[0], [1]], localRank: 1) == .keep)
    #expect(CoreBinding.decide(allowed: [[0, 1], [2, 3]], localRank: 0) == .keep)
  }

  @Test func moreThreadsThanCoresAreTold() {
    #expect(CoreBinding.shortage(threads: 2, cores: 1)?.contains("2 threads on 1 core:") == true)
    #expect(CoreBinding.shortage(threads: 2, cores: 2) == nil)
    // The system does not say.
    #expect(CoreBinding.shortage(threads: 2, cores: 0) == nil)
  }

  @Test func ranksOnOneCoreAreTold() {
    for allowed in [[[0], [0]], [[0, 1], [0, 1], [0, 1]], [[3], [4], [3]]] {
      guard case .shared = CoreBinding.decide(allowed: allowed, localRank: 0) else {
        Issue.record("\(allowed) passed")
        continue
      }
    }
    #expect(CoreBinding.decide(allowed: [[3], [4], [3]], localRank: 1) == .keep)
  }
}
