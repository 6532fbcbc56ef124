import Basics
import Foundation

/// Reads tokenizers, whatever file they come in.
package enum Tokenizers {
  /// Above what any vocabulary in the field needs; the contents may take twenty times as much memory while read.
  private static let mostBytes = 64 << 20

  /// The names that a folder of a model gives its tokenizer.
  private static let fileNames = [
    "tokenizer.json", "vocab.txt", "bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt",
  ]

  /// Reads the tokenizer at `path`, told apart by its contents:
  /// - Hugging Face's `tokenizer.json` with byte-level BPE, CLIP's BPE or BERT's WordPiece,
  /// - CLIP's merges (`bpe_simple_vocab_16e6.txt`, gzip or plain),
  /// - BERT's `vocab.txt`, a token a line.
  ///
  /// A folder stands for the first of these that lies in it.
  ///
  /// - Parameter lowercase: for `vocab.txt`, whether the model is uncased. nil: as `tokenizer_config.json` beside it
  ///   says; without one, a vocabulary without upper-case letters is uncased.
  /// - Throws: `KelipError` where the file cannot be read, is damaged, or asks for something that would give other ids
  ///   here.
  package static func load(_ path: String, lowercase: Bool? = nil) throws -> any Tokenizer {
    let path = try file(at: path)
    var bytes = try contents(of: path)
    if GzipFile.isGzip(bytes) { bytes = try GzipFile.inflated(bytes, limit: mostBytes, at: path) }
    if looksLikeJSON(bytes, path) {
      guard lowercase == nil else {
        throw KelipError(
          "says itself whether it is cased", at: path, hint: "give --cased or --uncased to a vocab.txt")
      }
      return try TokenizerFile.tokenizer(bytes, at: path)
    }
    let lines = try TextLines.split(bytes, at: path)
    if CLIPMergesFile.matches(lines) { return try CLIPMergesFile.tokenizer(lines, at: path) }
    return try VocabularyFile.tokenizer(lines, lowercase: lowercase, at: path)
  }

  private static func file(at path: String) throws -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
      return path
    }
    let folder = URL(filePath: path)
    let candidates = fileNames.map { folder.appending(path: $0).path }
    guard let found = candidates.first(where: FileManager.default.fileExists(atPath:)) else {
      throw KelipError(
        "no tokenizer in the folder", at: path, hint: "one of \(fileNames.joined(separator: ", "))")
    }
    return found
  }

  private static func contents(of path: String) throws -> [UInt8] {
    do {
      let handle = try FileHandle(forReadingFrom: URL(filePath: path))
      defer { try? handle.close() }
      let data = try handle.read(upToCount: mostBytes + 1) ?? Data()
      guard data.count <= mostBytes else { throw KelipError("larger than \(mostBytes) bytes", at: path) }
      return Array(data)
    } catch let error as KelipError {
      throw error
    } catch {
      throw KelipError("cannot read the tokenizer: \(error.localizedDescription)", at: path)
    }
  }

  private static func looksLikeJSON(_ bytes: [UInt8], _ path: String) -> Bool {
    if path.hasSuffix(".json") { return true }
    let first = bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    return first == UInt8(ascii: "{") && !path.hasSuffix(".txt")
  }
}

/// The lines of a text file; `\r\n` ends one, too, and the last needs no end.
enum TextLines {
  /// More are no vocabulary.
  private static let mostLines = 1 << 24

  static func split(_ bytes: [UInt8], at location: String) throws -> [String] {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw KelipError("neither JSON nor UTF-8 text", at: location)
    }
    let lineCount = bytes.count { $0 == UInt8(ascii: "\n") }
    guard lineCount <= mostLines else {
      throw KelipError("\(lineCount) lines are no vocabulary", at: location)
    }
    var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { String(Substring($0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0)) }
  }
}
