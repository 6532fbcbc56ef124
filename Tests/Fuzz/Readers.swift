import Basics
import Checkpointing
import Foundation
import Imaging
import Tokenization

@testable import ShardStream

extension Reader {
  /// Small, so that a case is quick; the header check is the same for all sizes.
  private static let maxPixels = 1 << 20

  /// Every reader of foreign bytes that this program has.
  static func all(_ seeds: Seeds) throws -> [Reader] {
    [
      picture("jpeg", seeds.ending(in: ".jpg", ".jpeg"), repair: Repairs.jpeg),
      picture("png", seeds.ending(in: ".png"), repair: Repairs.png),
      picture("webp", seeds.ending(in: ".webp"), repair: Repairs.webp),
      shard("tar", suffix: ".tar", seeds.ending(in: ".tar"), repair: Repairs.tar),
      pax(),
      caption(seeds.ending(in: ".txt")),
      try tokenizer(),
      safetensors(seeds.ending(in: ".safetensors")),
    ]
  }

  private static func picture(
    _ name: String, _ seeds: [[UInt8]], repair: ((inout [UInt8]) -> Void)? = nil
  ) -> Reader {
    Reader(name: name, seeds: seeds, repair: repair) { bytes in
      do throws(ImageFault) {
        let image = try ImageDecoder.decode(bytes, maxPixels: maxPixels)
        precondition(image.pixels.count == 3 * image.width * image.height)
        return "a picture"
      } catch {
        return error.reason
      }
    }
  }

  /// Headers, groups, and every member of every sample.
  private static func shard(
    _ name: String, suffix: String, _ seeds: [[UInt8]], repair: ((inout [UInt8]) -> Void)? = nil
  ) -> Reader {
    let file = CaseFile(name: name + suffix)
    return Reader(name: name, seeds: seeds, repair: repair) { bytes in
      try file.write(bytes)
      defer { file.remove() }
      let catalogue = try ShardCatalogue.load([file.url])
      let source = SampleSource(catalogue: catalogue)
      for sample in 0..<catalogue.sampleCount {
        let id = SampleID(shard: 0, index: sample)
        let members = try source.members(id)
        for range in [members.image, members.text, members.metadata].compactMap(\.self) {
          let count = try source.bytes(range, of: id).count
          precondition(count == range.size)
        }
        let key = try source.key(id)
        precondition(!key.isEmpty)
      }
      return catalogue.faults.first.map { "\($0.fault.reason)" }
        ?? (catalogue.sampleCount > 0 ? "samples" : "empty")
    }
  }

  private static func pax() -> Reader {
    let seeds = [
      "20 path=a/b/c.png\n12 size=10\n", "30 mtime=1700000000.123456\n19 path=그림.txt\n", "6 a=b\n",
      "11 size=0\n\0\0",
      "27 comment=\u{1F600} 12 size=5\n\n",
    ].map { Array($0.utf8) }
    return Reader(name: "pax", seeds: seeds, repair: Repairs.pax) { bytes in
      guard let records = PaxRecords(bytes) else { return "refused" }
      precondition(records.size ?? 0 >= 0)
      return records.path == nil && records.size == nil ? "nothing known" : "records"
    }
  }

  private static func caption(_ seeds: [[UInt8]]) -> Reader {
    Reader(name: "caption", seeds: seeds) { bytes in
      do throws(SampleFault) {
        let caption = try SampleReader.caption(bytes)
        precondition(!caption.isEmpty)
        return "a caption"
      } catch {
        return error.reason
      }
    }
  }

  private static func tokenizer() throws -> Reader {
    let captions = ["a red cat", "빨간 고양이", "two red cats on a mat", "고양이 두 마리"]
    let trained = try BytePairTrainer(vocabSize: 290).train(on: captions)
    let file = CaseFile(name: "tokenizer.json")
    return Reader(name: "tokenizer", seeds: [Array(trained.json())], isJSON: true) { bytes in
      try file.write(bytes)
      defer { file.remove() }
      let tokenizer = try Tokenizers.load(file.url.path)
      for caption in captions {
        let ids = tokenizer.encodeCaption(caption, contextLength: 16)
        precondition(ids.count <= 16 && ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabSize })
        _ = tokenizer.decode(ids)
      }
      return "a tokenizer"
    }
  }

  private static func safetensors(_ seeds: [[UInt8]]) -> Reader {
    let file = CaseFile(name: "weights.safetensors")
    return Reader(name: "safetensors", seeds: seeds, repair: Repairs.safetensors, isJSON: true) { bytes in
      try file.write(bytes)
      defer { file.remove() }
      let reader = try SafetensorsReader(file.url)
      var sum = 0
      for tensor in reader.tensors {
        let view = try reader.tensor(named: tensor.name)
        precondition(view.shape.allSatisfy { $0 >= 0 })
        for byte in view.bytes { sum &+= Int(byte) }
      }
      return reader.tensors.isEmpty ? "no tensors" : "tensors"
    }
  }
}
