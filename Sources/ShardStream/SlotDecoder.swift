import Basics
import Imaging

/// Decodes slots of batches: a pure function of (order, epoch, sample), whoever calls it and when.
struct SlotDecoder: Sendable {
  /// After so many bad samples in a row the data itself is at fault.
  static let attempts = 100

  private let options: LoaderOptions
  private let reader: SampleReader
  private let layout: CropLayout

  init(_ options: LoaderOptions) {
    self.options = options
    layout = options.layout
    reader = SampleReader(
      source: options.source, maxPixels: options.maxPixels, largestSize: options.crops.map(\.size).max()!)
  }

  /// Decodes the slot's sample, or the first good one of its replacements.
  func decode(_ task: SlotTask) throws -> DecodedSlot {
    var skipped: [SkippedSample] = []
    var sample = task.sample
    for attempt in 1...Self.attempts {
      do {
        let tokens = try decode(sample, task)
        return DecodedSlot(key: try options.source.key(sample), tokens: tokens, skipped: skipped)
      } catch let fault as SampleFault {
        skipped.append(try reader.skipped(sample, fault))
      }
      sample = replacement(of: task.sample, epoch: task.epoch, attempt: attempt)
    }
    throw exhausted(skipped)
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

  /// A draw among all samples that depends on the sample it replaces, not on ranks or threads.
  private func replacement(of sample: SampleID, epoch: Int, attempt: Int) -> SampleID {
    let draw = Hashing.combine(
      options.order.seed, UInt64(epoch), DrawPurpose.replacement.rawValue, UInt64(sample.shard),
      UInt64(sample.index), UInt64(attempt))
    return options.order.natural.sample(Int(draw % UInt64(options.order.sampleCount)))
  }

  /// The caption first: it costs less to find bad than the picture.
  private func decode(_ sample: SampleID, _ task: SlotTask) throws -> [Int32] {
    let caption = try reader.caption(sample)
    let tokens = options.encoder.encodeCaption(caption, contextLength: options.contextLength)
    guard !tokens.isEmpty else { throw SampleFault.captionEmpty }
    precondition(tokens.count <= options.contextLength)
    let image = try reader.image(sample)
    for (crop, preparation) in options.crops.enumerated() {
      let seed = Hashing.combine(
        options.order.seed, UInt64(task.epoch), DrawPurpose.crop.rawValue, UInt64(sample.shard),
        UInt64(sample.index), UInt64(crop))
      preparation.prepare(image, seed: seed, into: layout.view(slot: task.slot, crop: crop, in: task.buffer))
    }
    return tokens
  }
}
