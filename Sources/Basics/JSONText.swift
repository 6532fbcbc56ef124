/// A JSON value that keeps the order of its keys: for lines that people and scripts read side by side.
package indirect enum JSONText: Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  /// Written with the fewest digits that read back to the same 64 bits; not a number becomes null.
  case number(Double)
  case string(String)
  case array([JSONText])
  case object([(String, JSONText)])

  package var text: String {
    var out = ""
    write(to: &out)
    return out
  }

  private func write(to out: inout String) {
    switch self {
    case .null: out += "null"
    case .bool(let value): out += value ? "true" : "false"
    case .integer(let value): out += String(value)
    case .number(let value): out += value.isFinite ? "\(value)" : "null"
    case .string(let value): Self.quote(value, to: &out)
    case .array(let values):
      Self.list(values, "[", "]", to: &out) { $0.write(to: &$1) }
    case .object(let members):
      Self.list(members, "{", "}", to: &out) { member, out in
        Self.quote(member.0, to: &out)
        out += ": "
        member.1.write(to: &out)
      }
    }
  }

  private static func list<Element>(
    _ elements: [Element], _ open: String, _ close: String, to out: inout String,
    _ write: (Element, inout String) -> Void
  ) {
    out += open
    for (index, element) in elements.enumerated() {
      if index > 0 { out += ", " }
      write(element, &out)
    }
    out += close
  }

  /// A JSON string: only what must be escaped is.
  package static func quoted(_ value: String) -> String {
    var out = ""
    quote(value, to: &out)
    return out
  }

  private static func quote(_ value: String, to out: inout String) {
    out += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case let control where control.value < 0x20:
        out += "\\u" + control.value.padded(to: 4, radix: 16)
      default: out.unicodeScalars.append(scalar)
      }
    }
    out += "\""
  }
}
