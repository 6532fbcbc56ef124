import Foundation
import TestFolders

/// Builds tars byte by byte, so that tests can also build damaged ones.
struct TestTar {
  var bytes: [UInt8] = []

  static func block(name: String, size: Int, type: Character = "0", prefix: String = "") -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
    }
    put(String(name.prefix(100)), at: 0)
    put("0000644\0", at: 100)
    put(octal(size, digits: 11) + "\0", at: 124)
    put(String(type), at: 156)
    put("ustar\u{0}00", at: 257)
    put(prefix, at: 345)
    sign(&block)
    return block
  }

  static func sign(_ block: inout [UInt8]) {
    block.replaceSubrange(148..<156, with: [UInt8](repeating: 32, count: 8))
    let sum = block.reduce(0) { $0 + Int($1) }
    block.replaceSubrange(148..<156, with: Array((octal(sum, digits: 6) + "\0 ").utf8))
  }

  static func octal(_ value: Int, digits: Int) -> String {
    let text = String(value, radix: 8)
    return String(repeating: "0", count: digits - text.count) + text
  }

  mutating func add(_ name: String, _ data: [UInt8], type: Character = "0", prefix: String = "") {
    bytes += Self.block(name: name, size: data.count, type: type, prefix: prefix)
    addData(data)
  }

  mutating func add(_ name: String, _ text: String) { add(name, Array(text.utf8)) }

  mutating func addData(_ data: [UInt8]) {
    bytes += data
    bytes += [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
  }

  mutating func end() { bytes += [UInt8](repeating: 0, count: 1024) }

  func write(to url: URL) throws { try Data(bytes).write(to: url) }
}

extension TemporaryFolder {
  func write(_ tar: TestTar, as name: String) throws -> URL {
    try tar.write(to: file(name))
    return file(name)
  }
}
