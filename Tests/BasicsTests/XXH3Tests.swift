import Basics
import Testing

@Suite("XXH3 of 128 bits")
struct XXH3Tests {
  /// Made by `printf … | xxhsum -H2` (xxHash 0.8.1).
  @Test(
    "as xxhsum prints it",
    arguments: [
      ("", "99aa06d3014798d86001c324468d497f"), ("abc", "06b05ab6733a618578af5f94892f3950"),
      (String(repeating: "kelip ", count: 1000), "b592ed8944d9d3735c100b58509ee0db"),
    ])
  func known(message: String, expected: String) {
    #expect(XXH3Hasher.hexDigest(of: Array(message.utf8)) == expected)
  }

  @Test("pieces make no difference")
  func pieces() {
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let hasher = XXH3Hasher()
    for start in stride(from: 0, to: bytes.count, by: 333) {
      bytes[start..<min(start + 333, bytes.count)].withUnsafeBytes(hasher.update)
    }
    #expect(hasher.hexDigest == XXH3Hasher.hexDigest(of: bytes))
  }
}
