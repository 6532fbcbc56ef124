/// Reading a walked sample from any thread: the walk itself belongs to one.
extension WalkedSample {
  /// The caption, checked as training checks it.
  ///
  /// - Throws: `SampleFault` for what is no caption.
  package func caption(in file: ShardFile) throws -> String {
    try SampleReader.caption(members.text, in: file)
  }
}

extension ShardFile {
  /// A member's data.
  package func bytes(_ range: MemberRange) throws -> [UInt8] {
    try bytes(at: range.offset, count: range.size)
  }
}
