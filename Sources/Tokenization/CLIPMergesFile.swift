import Basics

/// CLIP's merges (Radford et al. 2021): a line that names the version, then two tokens a line, a space between them.
///
/// The ids are 256 bytes, 256 bytes that end a word, a token a merge, start and end: 49,408 with the 48,894 merges that
/// CLIP uses of the file's 262,144.
enum CLIPMergesFile {
  private static let mergeLimit = 49_152 - 256 - 2
  private static let suffix = "</w>"
  private static let specials = ["<|startoftext|>", "<|endoftext|>"]

  /// As transformers' CLIPTokenizer: composed, white space collapsed, lower case.
  static let layout = BytePairTokenizer.Layout(
    normalizer: TextNormalizer(steps: [.nfc, .collapseSpace, .lowercase]), words: .clip(findsSpecials: true),
    endOfWordSuffix: suffix)

  static func matches(_ lines: [String]) -> Bool { lines.first?.contains("#version:") ?? false }

  static func tokenizer(_ lines: [String], at location: String) throws -> BytePairTokenizer {
    let bytes = ByteAlphabet.bytesByCharacter.map { ByteAlphabet.text(of: [$0]) }
    var vocabulary = bytes + bytes.map { $0 + suffix }
    var ids = TokenTable(minimumCapacity: lines.count)
    for (id, token) in vocabulary.enumerated() { ids.set(Int32(id), for: token) }
    var pairs: [TokenPair] = []
    for (index, line) in lines.dropFirst().prefix(mergeLimit).enumerated() {
      func fault(_ message: String) -> KelipError {
        KelipError(message, at: "\(location), line \(index + 2)")
      }
      let parts = line.utf8.split(separator: UInt8(ascii: " "))
      guard parts.count == 2 else { throw fault("two tokens and a space are wanted, not '\(line)'") }
      let (left, right) = (String(Substring(parts[0])), String(Substring(parts[1])))
      guard let leftID = ids[left], let rightID = ids[right] else {
        throw fault("'\(line)' joins a token that no line before has made")
      }
      guard ids.set(Int32(vocabulary.count), for: left + right) == nil else {
        throw fault("'\(left + right)' is made twice")
      }
      vocabulary.append(left + right)
      pairs.append(TokenPair(leftID, rightID))
    }
    let added = specials.enumerated().map {
      AddedToken(id: Int32(vocabulary.count + $0), content: $1, special: true)
    }
    return try BytePairTokenizer(
      vocabulary: vocabulary + specials, mergePairs: pairs, addedTokens: added, layout: layout,
      location: location)
  }
}
