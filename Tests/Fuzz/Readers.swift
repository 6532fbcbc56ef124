import Basics
import Captions
import Checkpointing
import Foundation
import Imaging
import Tokenization

@testable import Curation
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
      shard("zstd", suffix: ".tar.zst", seeds.ending(in: ".tar.zst") + [try compressedShard()]),
      try sidecar(),
      pax(),
      caption(seeds.ending(in: ".txt")),
      metadata(seeds.ending(in: ".json")),
      try tokenizer(),
      merges(),
      vocabulary(),
      table(),
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

  /// With blocks that are compressed, unlike the corpus, and a picture without a caption.
  private static func compressedShard() throws -> [UInt8] {
    let file = CaseFile(name: "seed.tar.zst")
    defer { file.remove() }
    let tar = try TarWriter(path: file.url.path)
    for number in 0..<3 {
      let picture = RGBImage(width: 20 + number, height: 18, fill: .white)
      try tar.append(name: "k\(number).png", bytes: PNGCodec.encode(picture))
      guard number != 1 else { continue }
      try tar.append(name: "k\(number).txt", bytes: Array("a caption, again a caption, \(number)".utf8))
    }
    try tar.finish()
    return Array(try Data(contentsOf: file.url))
  }

  /// The index of a shard, beside that shard.
  private static func sidecar() throws -> Reader {
    let (tar, file) = (CaseFile(name: "indexed.tar.zst"), CaseFile(name: "index"))
    try tar.write(try compressedShard())
    defer { tar.remove() }
    let scan = try ShardScan(path: tar.url.path)
    let seeds = [ShardSidecar.encode(scan), ShardSidecar.encode(scan, ofPairs: true)]
    let identity = try ShardIdentity(path: tar.url.path)
    return Reader(name: "sidecar", seeds: seeds, repair: Repairs.sidecar) { bytes in
      try file.write(bytes)
      defer { file.remove() }
      do throws(SidecarFault) {
        guard let sidecar = try ShardSidecar(path: file.url.path, shard: tar.url.path, identity: identity)
        else { return "none" }
        let table = try sidecar.table(path: file.url.path)
        for sample in 0..<table.count {
          precondition(
            table.members(sample).image.offset >= 0 && table.key(sample).utf8.count <= bytes.count * 3)
        }
        return "an index"
      } catch {
        return "\(error)"
      }
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

  /// Read, cleaned and told its language, as filters do.
  private static func caption(_ seeds: [[UInt8]]) -> Reader {
    let html = [
      "a <b>cat</b> &amp; a dog &#xAC00; <!-- x --> https://a.b/c?d=e <script>f()</script> g@h.kr",
      "1 < 2 &lt",
    ]
    let seeds = seeds + html.map { Array($0.utf8) }
    return Reader(name: "caption", seeds: seeds) { bytes in
      do throws(SampleFault) {
        let caption = try SampleReader.caption(bytes)
        precondition(!caption.isEmpty)
        let cleaned = CleaningStep.allCases.apply(to: caption)
        return "a caption in \(CaptionLanguage.detect(cleaned))"
      } catch {
        return error.reason
      }
    }
  }

  private static func metadata(_ seeds: [[UInt8]]) -> Reader {
    let seeds =
      seeds + ["{\"language\": \"ko\", \"width\": 3, \"a\": [1, {\"b\": null}]}"].map { Array($0.utf8) }
    return Reader(name: "metadata", seeds: seeds.filter { $0.count < 4096 }, isJSON: true) { bytes in
      "language \(CaptionLanguage.ofSample(metadata: bytes, caption: nil))"
    }
  }

  private static let captions = ["a red cat", "빨간 고양이", "two red cats on a mat", "고양이 두 마리"]

  private static func tokenizer() throws -> Reader {
    let trained = try BytePairTrainer(vocabSize: 290).train(on: captions)
    return tokenizer("tokenizer", file: "tokenizer.json", [Array(trained.json())], isJSON: true)
  }

  /// CLIP's merges, a few of them.
  private static func merges() -> Reader {
    let text = "#version: 0.2\nt h\na n\nth e</w>\nan d</w>\nr e\nre d</w>\nc a\nca t</w>\n"
    return tokenizer("merges", file: "bpe_simple_vocab_16e6.txt", [Array(text.utf8)])
  }

  private static func vocabulary() -> Reader {
    let text = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nred\ncat\n##s\n빨\n##간\n고양\n##이\n"
    return tokenizer("vocabulary", file: "vocab.txt", [Array(text.utf8)])
  }

  private static func table() -> Reader {
    let text =
      "\u{FEFF}image,caption,language\r\na.jpg,\"a \"\"red\"\" cat, sitting\",en\r\nb.jpg,\"빨간\n고양이\",ko\n\nc,d\n"
    let file = CaseFile(name: "table.csv")
    return Reader(name: "table", seeds: [Array(text.utf8)]) { bytes in
      try file.write(bytes)
      defer { file.remove() }
      var reader = try DelimitedReader(file.url, delimiter: UInt8(ascii: ","))
      var (records, fields) = (0, 0)
      while let record = try reader.next() {
        precondition(!record.fields.isEmpty && record.offset <= bytes.count)
        (records, fields) = (records + 1, fields + record.fields.count)
      }
      return fields == 3 * records ? "records of three fields" : "other records"
    }
  }

  private static func tokenizer(
    _ name: String, file: String, _ seeds: [[UInt8]], isJSON: Bool = false
  ) -> Reader {
    let file = CaseFile(name: file)
    return Reader(name: name, seeds: seeds, isJSON: isJSON, slowness: 10) { bytes in
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
