internal import CCrypto

/// Incremental SHA-256 (FIPS 180-4) over libcrypto's EVP digest.
///
/// Not Sendable: one hasher belongs to one thread. After `finalize` the hasher is spent.
package final class SHA256Hasher {
  package static let digestLength = 32
  private let context: OpaquePointer
  private var isFinalized = false

  package init() {
    guard let context = EVP_MD_CTX_new() else { preconditionFailure("EVP_MD_CTX_new: out of memory") }
    self.context = context
    precondition(EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "EVP_DigestInit_ex: no SHA-256")
  }

  deinit { EVP_MD_CTX_free(context) }

  package func update(_ bytes: UnsafeRawBufferPointer) {
    precondition(!isFinalized, "update after finalize")
    guard let base = bytes.baseAddress else { return }
    precondition(EVP_DigestUpdate(context, base, bytes.count) == 1, "EVP_DigestUpdate failed")
  }

  /// The 32 bytes of the digest of all that was given to `update`.
  package func finalize() -> [UInt8] {
    precondition(!isFinalized, "finalize twice")
    isFinalized = true
    var digest = [UInt8](repeating: 0, count: Self.digestLength)
    precondition(EVP_DigestFinal_ex(context, &digest, nil) == 1, "EVP_DigestFinal_ex failed")
    return digest
  }

  /// 64 lower-case hexadecimal digits, as `sha256sum` prints them.
  package static func hexDigest(of bytes: UnsafeRawBufferPointer) -> String {
    let hasher = SHA256Hasher()
    hasher.update(bytes)
    return hexString(hasher.finalize())
  }

  package static func hexDigest(of bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { hexDigest(of: $0) }
  }

  package static func hexString(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.count)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
