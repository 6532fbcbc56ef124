import Basics
import Foundation

/// Something that reads what others wrote.
struct Reader {
  let name: String
  let seeds: [[UInt8]]
  /// Makes checksums and first bytes right; applied to every second case.
  var repair: ((inout [UInt8]) -> Void)?
  /// Whether every second case changes whole words of JSON instead of bytes.
  var isJSON = false
  /// A slow reader gets one case in so many.
  var slowness = 1
  /// Reads the input to its end; what it tells is counted. Errors are fine, everything else ends the process.
  let read: ([UInt8]) throws -> String

  /// The input of a case: a function of both numbers alone.
  func input(seed: UInt64, number: Int) -> [UInt8] {
    var mutator = Mutator(seed: Hashing.combine(seed, UInt64(number)))
    let first = seeds[mutator.index(below: seeds.count)]
    // A few as they are: to see that they still are what they were.
    if mutator.index(below: 64) == 0 { return first }
    let other = seeds[mutator.index(below: seeds.count)]
    let isByWords = isJSON && mutator.index(below: 2) == 0
    var bytes = isByWords ? mutator.mutatedWords(first) : mutator.mutated(first, other: other)
    if mutator.index(below: 2) == 0 { repair?(&bytes) }
    return bytes
  }

  /// What a case comes to, in a few words.
  func outcome(_ input: [UInt8]) -> String {
    do {
      return try read(input)
    } catch let error as KelipError {
      return "error: " + Self.withoutNumbers(error.message)
    } catch {
      return "error: " + Self.withoutNumbers("\(error)")
    }
  }

  /// The beginning of a message, the same for all inputs.
  private static func withoutNumbers(_ message: String) -> String {
    let line = message.prefix { $0 != "\n" && $0 != "\"" && $0 != ":" }
    return String(line.map { $0.isNumber ? "#" : $0 }.prefix(40))
  }
}

/// A file that is written anew for each case, in memory where the machine has such a place.
struct CaseFile {
  let url: URL

  init(name: String) {
    let memory = "/dev/shm"
    let folder = access(memory, W_OK) == 0 ? memory : FileManager.default.temporaryDirectory.path
    url = URL(fileURLWithPath: folder).appendingPathComponent("kelip-fuzz-\(getpid())-\(name)")
  }

  func write(_ bytes: [UInt8]) throws {
    let descriptor = open(url.path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    guard descriptor >= 0, Foundation.write(descriptor, bytes, bytes.count) == bytes.count else {
      throw KelipError("cannot write the case's file", at: url.path)
    }
  }

  func remove() { try? FileManager.default.removeItem(at: url) }
}
