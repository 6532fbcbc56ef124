import Basics
import Foundation
import FoundationXML

/// The names of single characters in one language: CLDR's `annotations/LANGUAGE.xml`, the `tts` annotations.
struct CharacterNames {
  /// In the file's order, which groups emoji by what they show.
  let ordered: [(scalar: Unicode.Scalar, name: String)]
  let byScalar: [Unicode.Scalar: String]

  init(path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw KelipError("cannot read the character names", at: path)
    }
    let reader = AnnotationReader()
    let parser = XMLParser(data: data)
    parser.delegate = reader
    // The parser takes a file that stops half-way for a whole one.
    guard parser.parse(), reader.isComplete else {
      let reason = parser.parserError.map { "\($0)" } ?? "it ends early"
      throw KelipError("is not well-formed XML (\(reason))", at: path)
    }
    ordered = reader.names
    byScalar = Dictionary(ordered.map { ($0.scalar, $0.name) }, uniquingKeysWith: { first, _ in first })
  }
}

/// Keeps `<annotation cp="X" type="tts">name</annotation>` where X is one code point.
private final class AnnotationReader: NSObject, XMLParserDelegate {
  var names: [(scalar: Unicode.Scalar, name: String)] = []
  /// Whether the root element was opened and closed.
  var isComplete: Bool { depth == 0 && hasStarted }
  private var depth = 0
  private var hasStarted = false
  private var current: Unicode.Scalar?
  private var text = ""

  func parser(
    _ parser: XMLParser, didStartElement elementName: String, namespaceURI: String?,
    qualifiedName qName: String?, attributes: [String: String]
  ) {
    hasStarted = true
    depth += 1
    current = nil
    text = ""
    guard elementName == "annotation", attributes["type"] == "tts" else { return }
    let scalars = attributes["cp"]?.unicodeScalars
    if let scalars, scalars.count == 1 { current = scalars.first }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    if current != nil { text += string }
  }

  func parser(
    _ parser: XMLParser, didEndElement elementName: String, namespaceURI: String?,
    qualifiedName qName: String?
  ) {
    depth -= 1
    let name = text.trimmingCharacters(in: .whitespacesAndNewlines)
    if let scalar = current, !name.isEmpty { names.append((scalar, name)) }
    current = nil
  }
}
