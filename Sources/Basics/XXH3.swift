internal import CXXHash

/// Incremental XXH3 of 128 bits, over libxxhash: finds damage, at the speed of memory; no defence against forgery.
///
/// Not Sendable: one hasher belongs to one thread. Source: https://github.com/Cyan4973/xxHash, `xxhsum -H2`.
package final class XXH3Hasher {
  private let state: OpaquePointer

  package init() {
    guard let state = XXH3_createState() else { preconditionFailure("XXH3_createState: out of memory") }
    self.state = state
    precondition(XXH3_128bits_reset(state) == XXH_OK, "XXH3_128bits_reset failed")
  }

  deinit { XXH3_freeState(state) }

  package func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    precondition(XXH3_128bits_update(state, base, bytes.count) == XXH_OK, "XXH3_128bits_update failed")
  }

  /// 32 lower-case hexadecimal digits of all that was given to `update`, as `xxhsum -H2` prints them.
  package var hexDigest: String {
    let hash = XXH3_128bits_digest(state)
    return hash.high64.padded(to: 16, radix: 16) + hash.low64.padded(to: 16, radix: 16)
  }

  package static func hexDigest(of bytes: UnsafeRawBufferPointer) -> String {
    let hasher = XXH3Hasher()
    hasher.update(bytes)
    return hasher.hexDigest
  }

  package static func hexDigest(of bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { hexDigest(of: $0) }
  }
}
