import Basics
import Checkpointing
import Foundation
import Testing

@Suite("Reading safetensors that Python wrote")
struct SafetensorsReaderTests {
  let reader: SafetensorsReader

  init() throws {
    let url = try #require(
      Bundle.module.url(forResource: "python", withExtension: "safetensors", subdirectory: "Fixtures"))
    reader = try SafetensorsReader(url)
  }

  @Test("floats of every type")
  func floats() throws {
    #expect(try reader.floats(named: "f32") == [-0.25, -0.125, 0, 0.125, 0.25, 0.375])
    let bf16 = try reader.floats(named: "bf16")
    #expect(bf16 == [1, -2.5, Float(bitPattern: 0x7F62_0000), 0.0078125, .infinity])
    #expect(try reader.floats(named: "f16") == [0.5, -65504, 0x1p-14])
    #expect(try reader.floats(named: "f64") == [0.1, -.infinity])
    #expect(try reader.floats(named: "empty") == [])
    #expect(try reader.floats(named: "이름 \"quoted\"") == [2])
  }

  @Test("types, shapes and bytes")
  func views() throws {
    let scalar = try reader.tensor(named: "i64")
    #expect(scalar.type == .int64 && scalar.shape == [])
    #expect(scalar.bytes.loadUnaligned(as: Int64.self) == -7)
    #expect(try reader.tensor(named: "f16").shape == [3, 1])
    #expect(try reader.tensor(named: "empty").shape == [0, 4])
    #expect(try Array(reader.tensor(named: "u8").bytes) == [0, 127, 255])
    #expect(try Array(reader.tensor(named: "bool").bytes) == [1, 0])
    #expect(reader.tensors.count == 9)
    #expect(reader.contains("bool") && !reader.contains("__metadata__"))
  }

  @Test("metadata with escapes")
  func metadata() {
    #expect(reader.metadata == ["format": "pt", "말": "line\nand \"quote\" \\ \u{1}"])
  }

  @Test("what cannot be had is told with file and tensor")
  func errors() throws {
    for name in ["absent", "i64"] {
      let error = #expect(throws: KelipError.self) { try reader.floats(named: name) }
      #expect(error?.location == reader.url.path)
      #expect(error?.message.contains(name) == true)
    }
    var tooFew = [Float](repeating: 0, count: 5)
    #expect(throws: KelipError.self) {
      try tooFew.withUnsafeMutableBufferPointer { try reader.copyFloats(named: "f32", into: $0) }
    }
  }
}
