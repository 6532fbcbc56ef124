import Basics
import Foundation

/// What a reader of the page must know.
struct PageToken: Sendable {
  private let bytes: [UInt8]

  private static let minimumCount = 16
  private static let maximumCount = 256
  private static let hint = "make one: (umask 077; openssl rand -hex 32 > FILE)"

  /// - Throws: where others than the owner may touch the file, or it holds no token.
  init(readingFrom url: URL) throws {
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { throw KelipError.posix("open", at: url.path) }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try Self.checkOwner(descriptor, url)
    let text = try handle.read(upToCount: Self.maximumCount + 2) ?? Data()
    bytes = text.filter { $0 > 0x20 && $0 < 0x7F }
    let rest = text.drop { $0 > 0x20 && $0 < 0x7F }
    guard
      (Self.minimumCount...Self.maximumCount).contains(bytes.count),
      rest.allSatisfy({ $0 == 0x0A || $0 == 0x0D })
    else {
      throw KelipError(
        "holds no token: \(Self.minimumCount) to \(Self.maximumCount) letters and digits in one line",
        at: url.path, hint: Self.hint)
    }
  }

  /// 32 random bytes where there is no file yet.
  init(inOrMadeAt url: URL) throws {
    let descriptor = open(url.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor >= 0 {
      let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
      var generator = SystemRandomNumberGenerator()
      let digits = (0..<32).map { _ in
        let text = String(UInt8.random(in: 0...255, using: &generator), radix: 16)
        return text.count < 2 ? "0\(text)" : text
      }
      do {
        try handle.write(contentsOf: Data("\(digits.joined())\n".utf8))
      } catch {
        // Half a token would be in the way of the next start.
        unlink(url.path)
        throw KelipError("the token cannot be written: \(error.localizedDescription)", at: url.path)
      }
    } else if errno != EEXIST {
      throw KelipError.posix("open", at: url.path)
    }
    try self.init(readingFrom: url)
  }

  private static func checkOwner(_ descriptor: Int32, _ url: URL) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw KelipError.posix("fstat", at: url.path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw KelipError("is no ordinary file", at: url.path, hint: hint)
    }
    guard status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
      let mode = String(status.st_mode & 0o777, radix: 8)
      throw KelipError(
        "others may read this token (mode \(mode), owner \(status.st_uid))", at: url.path,
        hint: "chmod 600 \(url.path), as its owner; or rather make a new one, since it may be known")
    }
  }

  /// Takes the same time for every text of the same length.
  func matches(_ text: some StringProtocol) -> Bool {
    let given = Array(text.utf8)
    var difference: UInt8 = given.count == bytes.count ? 0 : 1
    for index in bytes.indices {
      difference |= bytes[index] ^ (index < given.count ? given[index] : 0)
    }
    return difference == 0
  }

  /// Browsers keep one cookie of a name for all ports of a host: runs side by side need names of their own.
  var cookieName: String {
    let hasher = SHA256Hasher()
    bytes.withUnsafeBytes { hasher.update($0) }
    return "kelip_" + hasher.finalize().prefix(4).map { String($0, radix: 16) }.joined(separator: "")
  }

  /// Lets the browser that got it in for 30 days; scripts and other sites cannot use it.
  var cookie: String {
    "\(cookieName)=\(String(decoding: bytes, as: UTF8.self)); Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"
  }
}
