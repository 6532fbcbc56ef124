import Configuration

/// What a run tells of itself beside `metrics.jsonl`.
package struct LogSettings: Sendable, Equatable {
  /// `log.sample_keys`: whether `samples.jsonl` is written.
  package var sampleKeys: Bool
  /// `log.tensorboard`: whether `tensorboard/` is.
  package var tensorBoard: Bool
  /// `log.page_port`, of the live page; nil for none.
  package var pagePort: UInt16?
  /// `log.page_address`.
  package var pageAddress: String
  /// `log.page_token_file`; nil for `token` in the run's directory.
  package var pageTokenFile: String?

  init(_ reader: ConfigReader) throws {
    sampleKeys = try reader.bool("log.sample_keys", default: false)
    tensorBoard = try reader.bool("log.tensorboard", default: true)
    pagePort = try reader.optionalInteger("log.page_port", in: 0...65535).map(UInt16.init)
    pageAddress = try reader.optionalString("log.page_address") ?? "127.0.0.1"
    pageTokenFile = try reader.optionalString("log.page_token_file")
  }
}
