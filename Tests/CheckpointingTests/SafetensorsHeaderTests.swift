import Basics
import Checkpointing
import Foundation
import Testing

/// A file, and a word of the complaint about it.
struct BadFile: Sendable, CustomStringConvertible {
  let description: String
  let header: String
  var length: UInt64?
  var data = 0
  let complaint: String

  init(_ description: String, _ header: String, length: UInt64? = nil, data: Int = 0, _ complaint: String) {
    self.description = description
    self.header = header
    self.length = length
    self.data = data
    self.complaint = complaint
  }
}

private func tensor(_ name: String, _ begin: Int, _ end: Int, shape: String? = nil, type: String = "U8")
  -> String
{
  "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape ?? "[\(end - begin)]"),\"data_offsets\":[\(begin),\(end)]}"
}

@Suite("Headers of safetensors")
struct SafetensorsHeaderTests {
  static let bad: [BadFile] = [
    BadFile("no header", "", length: 0, "no {"),
    BadFile("a header beyond the cap", "{}", length: 100_000_001, "more than 100000000"),
    BadFile("an absurd length", "{}", length: .max, "more than"),
    BadFile("a header beyond the file", "{}", length: 10, "in a file of 10"),
    BadFile("no object", "[]", "no {"),
    BadFile("a header without end", "{\(tensor("a", 0, 1))", data: 1, "no }"),
    BadFile("a string without end", "{\"a", "without end"),
    BadFile("something behind", "{} x", "after the end"),
    BadFile("a bad escape", "{\"\\x\"", "escape"),
    BadFile("half a surrogate pair", "{\"\\ud83d\":{}}", "surrogate"),
    BadFile("two surrogates of one kind", "{\"\\ud83d\\ud83d\":{}}", "surrogate"),
    BadFile("a line break in a name", "{\"a\nb\":{}}", "control"),
    BadFile("equal names", "{\(tensor("a", 0, 1)),\(tensor("a", 1, 2))}", data: 2, "twice"),
    BadFile(
      "equal names, one escaped", "{\(tensor("a", 0, 1)),\(tensor("\\u0061", 1, 2))}", data: 2, "twice"),
    BadFile("metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", "twice"),
    BadFile("a metadata key twice", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", "twice"),
    BadFile("metadata that is no text", "{\"__metadata__\":{\"a\":1}}", "no \""),
    BadFile("an unknown type", "{\(tensor("a", 0, 1, type: "F31"))}", data: 1, "F31"),
    BadFile("a missing field", "{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", "missing"),
    BadFile("an unknown field", "{\"a\":{\"kind\":\"U8\"}}", "kind"),
    BadFile("a field twice", "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", "dtype"),
    BadFile(
      "three offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", data: 1, "begin"),
    BadFile("offsets backwards", "{\(tensor("a", 1, 0, shape: "[1]"))}", data: 1, "begin"),
    BadFile("a negative extent", "{\(tensor("a", 0, 1, shape: "[-1]"))}", data: 1, "whole number"),
    BadFile("a fraction", "{\(tensor("a", 0, 1, shape: "[1.0]"))}", data: 1, "no ]"),
    BadFile("a superscript digit", "{\(tensor("a", 0, 1, shape: "[²]"))}", data: 1, "whole number"),
    BadFile("a leading zero", "{\(tensor("a", 0, 1, shape: "[01]"))}", data: 1, "whole number"),
    BadFile(
      "a number beyond 64 bits", "{\(tensor("a", 0, 1, shape: "[9223372036854775808]"))}", data: 1, "64 bits"),
    BadFile(
      "a shape that overflows", "{\(tensor("a", 0, 8, shape: "[4294967296,4294967296]"))}", data: 8,
      "overflows"),
    BadFile(
      "bytes that overflow", "{\(tensor("a", 0, 8, shape: "[2305843009213693952]", type: "F64"))}", data: 8,
      "overflows"),
    BadFile(
      "bytes that do not fit the shape", "{\(tensor("a", 0, 4, shape: "[2]", type: "F32"))}", data: 4,
      "takes 8"),
    BadFile("a tensor beyond the file", "{\(tensor("a", 0, 4))}", data: 3, "file's data at 3"),
    BadFile("bytes behind the tensors", "{\(tensor("a", 0, 4))}", data: 5, "file's data at 5"),
    BadFile("a hole before", "{\(tensor("a", 1, 2))}", data: 2, "hole"),
    BadFile("a hole between", "{\(tensor("a", 0, 1)),\(tensor("b", 2, 3))}", data: 3, "hole"),
    BadFile("an overlap", "{\(tensor("a", 0, 2)),\(tensor("b", 1, 3))}", data: 3, "overlaps"),
    BadFile("the same bytes twice", "{\(tensor("a", 0, 2)),\(tensor("b", 0, 2))}", data: 2, "overlaps"),
  ]

  @Test("what is wrong is refused, and named", arguments: bad)
  func refused(_ file: BadFile) throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.safetensors")
      try write(header: file.header, length: file.length, data: file.data, to: url)
      let error = #expect(throws: KelipError.self) { try SafetensorsReader(url) }
      #expect(error?.location == url.path)
      #expect(error?.message.contains(file.complaint) == true, "\(error?.message ?? "")")
    }
  }

  @Test("a file that is shorter than a header's length, or absent")
  func short() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.safetensors")
      #expect(throws: KelipError.self) { try SafetensorsReader(url) }
      for count in [0, 1, 7] {
        try Data(count: count).write(to: url)
        let error = #expect(throws: KelipError.self) { try SafetensorsReader(url) }
        #expect(error?.message.contains("too few") == true)
      }
    }
  }

  @Test("any order, white space, escapes and empty tensors are fine")
  func accepted() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.safetensors")
      let members = [tensor("b", 3, 5), tensor("none", 3, 3), tensor("\\ud83d\\ude00\\n", 0, 3)]
      try write(header: " {\n\(members.joined(separator: " ,\t")) } ", data: 5, to: url)
      #expect(try SafetensorsReader(url).tensors.map(\.name) == ["😀\n", "none", "b"])
      try write(header: "{}", data: 0, to: url)
      #expect(try SafetensorsReader(url).tensors.isEmpty)
    }
  }
}
