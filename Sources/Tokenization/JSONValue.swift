import Basics

/// A JSON document. Strings keep their scalars, and objects the order and the repetition of their keys: Swift's
/// dictionaries take canonically equivalent strings as equal, which the tokens of a vocabulary are not.
enum JSONValue {
  struct Member {
    let key: String
    let value: JSONValue
  }

  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// What stands there, for errors.
  var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a truth value"
    case .number: "a number"
    case .string: "a string"
    case .array: "a list"
    case .object: "an object"
    }
  }

  /// A whole number from 0 to the largest id.
  var tokenID: Int32? {
    guard case .number(let number) = self, number >= 0 else { return nil }
    return Int32(exactly: number)
  }
}

/// A place in a document that knows its path, so that a value of the wrong type can be told where it stands.
struct JSONCursor {
  let value: JSONValue
  let path: String
  let location: String

  func fault(_ message: String) -> KelipError {
    KelipError(
      "not a tokenizer.json that can be read: \(path.isEmpty ? "" : path + ": ")\(message)", at: location)
  }

  private func wrongType(_ expected: String) -> KelipError {
    fault("\(expected) is wanted, \(value.kindName) stands there")
  }

  /// The value of `key`; nil where it is absent or null. The last one counts where a key is repeated.
  func member(_ key: String) throws -> JSONCursor? {
    guard let found = try members().last(where: { $0.key == key }) else { return nil }
    if case .null = found.value { return nil }
    return JSONCursor(value: found.value, path: path.isEmpty ? key : "\(path).\(key)", location: location)
  }

  func required(_ key: String) throws -> JSONCursor {
    guard let member = try member(key) else { throw fault("no '\(key)'") }
    return member
  }

  func members() throws -> [JSONValue.Member] {
    guard case .object(let members) = value else { throw wrongType("an object") }
    return members
  }

  func elements() throws -> [JSONCursor] {
    guard case .array(let values) = value else { throw wrongType("a list") }
    return values.enumerated().map { JSONCursor(value: $1, path: "\(path)[\($0)]", location: location) }
  }

  func string() throws -> String {
    guard case .string(let text) = value else { throw wrongType("a string") }
    return text
  }

  func bool() throws -> Bool {
    guard case .bool(let flag) = value else { throw wrongType("true or false") }
    return flag
  }

  func number() throws -> Double {
    guard case .number(let number) = value else { throw wrongType("a number") }
    return number
  }

  func tokenID() throws -> Int32 {
    guard let id = value.tokenID else { throw wrongType("a token id") }
    return id
  }
}
