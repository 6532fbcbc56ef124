import Basics
import Configuration
import Foundation

/// The classes that pictures are told apart into, with their names in each language.
package struct ClassList: Sendable, Equatable {
  package struct Class: Sendable, Equatable {
    /// What the data calls it.
    package var label: String
    /// What else the data calls it.
    package var also: [String] = []
    /// By language tag; several are synonyms.
    package var names: [String: [String]]
  }

  package let classes: [Class]

  package var labels: [String] { classes.map(\.label) }

  /// By everything that the data calls a class.
  package let places: [String: Int]

  /// Labels that are names themselves, in any language.
  package init(labels: [String], languages: [String]) {
    places = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
    classes = labels.map { label in
      let name = label.replacingOccurrences(of: "_", with: " ")
      return Class(label: label, names: Dictionary(uniqueKeysWithValues: languages.map { ($0, [name]) }))
    }
  }

  /// A YAML list `classes` of mappings: `{label: cat, also: [kittens], en: [cat, kitten], ko: 고양이}`.
  ///
  /// - Parameter languages: that every class needs a name in.
  package init(contentsOf path: String, languages: [String]) throws {
    let text = try TextFile.read(path, "the classes")
    let reader = try ConfigReader(yaml: text, source: path)
    let classes = try reader.mappings("classes").map { item in
      let label = try item.string("label")
      var names: [String: [String]] = [:]
      for key in item.topLevelKeys where key != "label" && key != "also" {
        names[key] = try item.isList(key) ? item.strings(key) : [item.string(key)]
      }
      for language in languages where names[language, default: []].isEmpty {
        throw KelipError(
          "class \(label) has no name in \(language)", at: path,
          hint: "such as {label: \(label), \(language): …}")
      }
      return Class(label: label, also: try item.strings("also", default: []), names: names)
    }
    try reader.rejectUnknownKeys()
    guard !classes.isEmpty else { throw KelipError("there are no classes", at: path) }
    var places: [String: Int] = [:]
    for (place, item) in classes.enumerated() {
      for label in [item.label] + item.also where places.updateValue(place, forKey: label) != nil {
        throw KelipError("label \(label) stands there twice", at: path)
      }
    }
    (self.classes, self.places) = (classes, places)
  }
}
