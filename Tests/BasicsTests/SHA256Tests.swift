import Basics
import Testing

@Suite struct SHA256Tests {
  /// FIPS 180-4's examples, and the empty message.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func knownDigests(message: String, expected: String) {
    #expect(SHA256Hasher.hexDigest(of: Array(message.utf8)) == expected)
  }

  @Test(arguments: [1, 7, 63, 64, 65, 1_000])
  func piecesHashLikeTheWhole(pieceLength: Int) {
    let message = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let hasher = SHA256Hasher()
    for start in stride(from: 0, to: message.count, by: pieceLength) {
      let piece = Array(message[start..<min(start + pieceLength, message.count)])
      piece.withUnsafeBytes { hasher.update($0) }
    }
    #expect(SHA256Hasher.hexString(hasher.finalize()) == SHA256Hasher.hexDigest(of: message))
  }
}
