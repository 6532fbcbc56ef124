import Basics
import Imaging

/// Decodes slots of batches: a pure function of (order, draw), whoever calls it and when.
struct SlotDecoder: Sendable {
  /// After so many bad samples in a row the data itself is at fault.
  static let attempts = 100

  private let options: LoaderOptions
  private let reader: SampleReader

  init(_ options: LoaderOptions) {
    self.options = options
    reader = SampleReader(source: options.source, pictures: options.pictures)
  }

  /// Lets the kernel read a sample ahead of its turn.
  func willNeed(_ draw: SampleDraw) {
    if let sample = try? sample(draw) { options.source.willNeed(sample) }
  }

  /// Decodes the slot's sample, or the first good one of its replacements.
  func decode(_ task: SlotTask) throws -> DecodedSlot {
    var skipped: [SkippedSample] = []
    var draw = task.draw
    for attempt in 1...Self.attempts {
      let sample = try sample(draw)
      do {
        let tokens = try decode(sample, task)
        return DecodedSlot(
          key: try options.source.key(sample), tokens: tokens,
          language: try options.source.language(sample), skipped: skipped)
      } catch let fault as SampleFault {
        skipped.append(try reader.skipped(sample, fault))
      }
      draw = options.order.replacement(of: task.draw, attempt: attempt)
    }
    throw exhausted(skipped)
  }

  private func sample(_ draw: SampleDraw) throws -> SampleID {
    try options.source.sample(draw, language: options.order.components[draw.component].language)
  }

  private func exhausted(_ skipped: [SkippedSample]) -> KelipError {
    let counts = skipped.reduce(into: [:]) { $0[$1.reason, default: 0] += 1 }
    let reasons = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
    return KelipError(
      "\(skipped.count) samples drawn for one slot were all bad (\(reasons))",
      at: "\(skipped[0].shard) (\(skipped[0].key))",
      hint: "check the shards: nearly all of their samples cannot be read")
  }

  /// The caption first: it costs less to find bad than the picture.
  private func decode(_ sample: SampleID, _ task: SlotTask) throws -> [Int32] {
    let tokens = options.needsCaptions ? try tokens(sample) : []
    try reader.draw(task.crops, of: sample) { crop in
      options.order.cropSeed(sample, epoch: task.draw.epoch, crop: crop)
    } into: { crop in
      task.layout.view(slot: task.slot, crop: crop, in: task.buffer)
    }
    return tokens
  }

  private func tokens(_ sample: SampleID) throws -> [Int32] {
    let caption = try reader.caption(sample)
    let tokens = options.encoder.encodeCaption(caption, contextLength: options.contextLength)
    guard !tokens.isEmpty else { throw SampleFault.captionEmpty }
    precondition(tokens.count <= options.contextLength)
    return tokens
  }
}
