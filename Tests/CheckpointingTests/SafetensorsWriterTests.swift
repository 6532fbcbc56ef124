import Checkpointing
import Foundation
import Testing

@Suite("Writing safetensors")
struct SafetensorsWriterTests {
  /// The tensors of `make_safetensors.py`.
  func writePythonsTensors(to url: URL) throws {
    let specs = [
      TensorSpec("f64", .float64, [2]), TensorSpec("i64", .int64, []), TensorSpec("f32", .float32, [2, 3]),
      TensorSpec("empty", .float32, [0, 4]), TensorSpec("이름 \"quoted\"", .float32, [1]),
      TensorSpec("bf16", .bfloat16, [5]), TensorSpec("f16", .float16, [3, 1]), TensorSpec("u8", .uint8, [3]),
      TensorSpec("bool", .bool, [2]),
    ]
    let metadata = ["format": "pt", "말": "line\nand \"quote\" \\ \u{1}"]
    let writer = try SafetensorsWriter(url, tensors: specs, metadata: metadata)
    try writer.append([0.1, -1e300])
    try writer.append([Int64(-7)])
    // One tensor in two pieces.
    try writer.append([Float(-0.25), -0.125, 0, 0.125])
    try writer.append([Float(0.25), 0.375])
    try writer.append([Float]())
    try writer.append([Float(2)])
    try writer.append([UInt16(0x3F80), 0xC020, 0x7F62, 0x3C00, 0x7F80])
    try writer.append([Float16(0.5), -65504, 0x1p-14])
    try writer.append([UInt8(0), 127, 255, 1, 0])
    try writer.finish()
  }

  @Test("holds the same tensors as Python's file")
  func sameAsPython() throws {
    let theirs = try SafetensorsReader(
      #require(
        Bundle.module.url(forResource: "python", withExtension: "safetensors", subdirectory: "Fixtures")))
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("ours.safetensors")
      try writePythonsTensors(to: url)
      let ours = try SafetensorsReader(url)
      #expect(ours.metadata == theirs.metadata)
      #expect(Set(ours.tensors.map(\.name)) == Set(theirs.tensors.map(\.name)))
      for spec in theirs.tensors {
        let (a, b) = (try ours.tensor(named: spec.name), try theirs.tensor(named: spec.name))
        #expect(a.type == b.type && a.shape == b.shape && a.bytes.elementsEqual(b.bytes), "\(spec.name)")
      }
      // For `make_safetensors.py check`.
      if let kept = ProcessInfo.processInfo.environment["KELIP_KEEP_SAFETENSORS"] {
        try FileManager.default.copyItem(at: url, to: URL(fileURLWithPath: kept))
      }
    }
  }

  @Test("keeps the order given, and begins tensors on a multiple of 8", arguments: [0, 1, 2, 3, 17])
  func orderAndPadding(count: Int) throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.safetensors")
      let specs = (0..<count).map { TensorSpec(String(repeating: "z", count: count - $0), .uint8, [$0]) }
      let writer = try SafetensorsWriter(url, tensors: specs)
      for i in 0..<count { try writer.append([UInt8](repeating: UInt8(i), count: i)) }
      try writer.finish()
      let data = try Data(contentsOf: url)
      #expect(data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } % 8 == 0)
      let reader = try SafetensorsReader(url)
      #expect(reader.tensors.filter { $0.shape != [0] } == specs.filter { $0.shape != [0] })
      for (i, spec) in specs.enumerated() {
        #expect(try reader.tensor(named: spec.name).bytes.elementsEqual(repeatElement(UInt8(i), count: i)))
      }
    }
  }

  @Test("a place that cannot be written is an error")
  func unwritable() {
    #expect(throws: (any Error).self) {
      try SafetensorsWriter(URL(fileURLWithPath: "/nowhere/model.safetensors"), tensors: [])
    }
  }
}
