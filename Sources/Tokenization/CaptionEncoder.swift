/// Turns a caption into token ids; a tokenizer that the stream is given.
package protocol CaptionEncoder: Sendable {
  /// At most `contextLength` ids, without padding.
  func encodeCaption(_ text: String, contextLength: Int) -> [Int32]
}
