import Basics
import Testing

@testable import Configuration

@Suite struct ConfigReaderTests {
  private func reader(_ yaml: String, _ overrides: [String] = []) throws -> ConfigReader {
    try ConfigReader(yaml: yaml, source: "run.yaml", overrides: overrides)
  }

  @Test func readsEveryKindOfValue() throws {
    let reader = try reader(
      """
      a: {text: x y, quoted: "null", number: 5, whole: -7, small: 1e-06, point: 2.5, yes: true, list: [a, b], one: c}
      b:
        range: [1, 2.5]
        nothing:
        null: ~
      """)
    #expect(try reader.string("a.text") == "x y")
    #expect(try reader.string("a.quoted") == "null")
    #expect(try reader.string("a.number") == "5")
    #expect(try reader.integer("a.whole") == -7)
    #expect(try reader.number("a.whole") == -7)
    #expect(try reader.number("a.small") == 1e-6)
    #expect(try reader.number("a.point") == 2.5)
    #expect(try reader.bool("a.yes", default: false))
    #expect(try reader.strings("a.list") == ["a", "b"])
    #expect(try reader.strings("a.one") == ["c"])
    #expect(try reader.range("b.range", default: 0...1, in: 0...9) == 1...2.5)
    #expect(try reader.optionalNumber("b.nothing") == nil)
    #expect(try reader.optionalString("b.null") == nil)
    try reader.rejectUnknownKeys()
  }

  @Test func defaultsAreUsedAndRecordedInOrder() throws {
    let reader = try reader("a: {x: 2}")
    #expect(try reader.integer("a.y", default: 3) == 3)
    #expect(try reader.integer("a.x", default: 1) == 2)
    #expect(try reader.string("a.z", default: "t") == "t")
    #expect(reader.resolved.map(\.key) == ["a.y", "a.x", "a.z"])
    #expect(reader.resolved.map(\.value.text) == ["3", "2", "\"t\""])
  }

  @Test(arguments: [
    "1.5", "abc", "1e3", "[1]", "{b: 1}", "~", "", "\"5\"", "99999999999999999999",
  ])
  func notAWholeNumber(text: String) throws {
    let error = #expect(throws: KelipError.self) { try reader("a: {b: \(text)}").integer("a.b") }
    #expect(error?.location == "run.yaml: a.b")
    #expect(error?.message.hasPrefix("expected a whole number, found ") == true)
  }

  @Test(arguments: ["abc", "[1]", "~", "\"5\"", "1e", "0x"]) func notANumber(text: String) throws {
    let error = #expect(throws: KelipError.self) { try reader("a: {b: \(text)}").number("a.b") }
    #expect(error?.message.hasPrefix("expected a number, found ") == true)
  }

  @Test(arguments: ["~", "", "\"\"", "[a]", "{c: d}"]) func notAText(text: String) throws {
    let error = #expect(throws: KelipError.self) { try reader("a: {b: \(text)}").string("a.b") }
    #expect(error?.message.hasPrefix("expected a text, found ") == true)
    #expect(error?.location == "run.yaml: a.b")
  }

  @Test(arguments: ["~", "[]x", "[a, ~]", "[[a]]", "{a: b}", "[\"\"]"]) func notTexts(text: String) throws {
    #expect(throws: KelipError.self) { try reader("a: {b: \(text)}").strings("a.b") }
  }

  @Test(arguments: ["[2, 1]", "[1]", "[1, 2, 3]", "[a, b]", "1", "[.nan, 1]", "~"])
  func notARange(text: String) throws {
    let error = #expect(throws: KelipError.self) {
      try reader("a: {b: \(text)}").range("a.b", default: 0...1, in: 0...9)
    }
    #expect(error?.message.hasPrefix("expected a list of two numbers") == true)
  }

  @Test func limitsAreTold() throws {
    let reader = try reader("a: {i: 0, n: 2, nan: .nan, r: [0, 2], o: -1}")
    #expect(throws: KelipError.self) { try reader.range("a.r", default: 0...1, in: 0...1) }
    let errors = [
      #expect(throws: KelipError.self) { try reader.integer("a.i", in: 1...Int.max) },
      #expect(throws: KelipError.self) { try reader.integer("a.i", in: 1...5) },
      #expect(throws: KelipError.self) { try reader.number("a.n", in: 0...1) },
      #expect(throws: KelipError.self) { try reader.number("a.nan", in: 0...1) },
      #expect(throws: KelipError.self) { try reader.optionalNumber("a.o", in: 0...1) },
    ]
    #expect(
      errors.map { $0?.message } == [
        "must be at least 1, is 0", "must be from 1 to 5, is 0", "must be from 0.0 to 1.0, is 2.0",
        "must be from 0.0 to 1.0, is nan", "must be from 0.0 to 1.0, is -1.0",
      ])
  }

  @Test func aMissingKeySaysWhatItNeeds() throws {
    let error = #expect(throws: KelipError.self) { try reader("a: {}").integer("a.b") }
    #expect(error?.message == "missing" && error?.hint?.contains("a whole number") == true)
  }

  @Test(arguments: [
    ("a: {stesp: 1}", "a.stesp", "did you mean a.steps?"),
    ("b: {steps: 1}", "b.steps", "did you mean a.steps?"),
    ("a: {steps: 1}\nlrr: 2", "lrr", "did you mean a.lr?"),
  ])
  func unknownKeysNameTheNearest(yaml: String, key: String, hint: String) throws {
    let reader = try reader(yaml)
    _ = try reader.integer("a.steps", default: 1)
    _ = try reader.number("a.lr", default: 1)
    let error = #expect(throws: KelipError.self) { try reader.rejectUnknownKeys() }
    #expect(error?.location == "run.yaml: \(key)" && error?.hint == hint)
  }

  @Test func aSectionWithoutKeysIsNoMistakeButAScalarIs() throws {
    let empty = try reader("a:\n  # x: 1\nb: {}")
    _ = try empty.integer("a.x", default: 1)
    _ = try empty.integer("b.y", default: 1)
    try empty.rejectUnknownKeys()
    let scalar = try reader("a: 5")
    #expect(try scalar.integer("a.x", default: 1) == 1)
    let error = #expect(throws: KelipError.self) { try scalar.rejectUnknownKeys() }
    #expect(error?.message == "expected a mapping of keys, found \"5\"")
  }

  @Test(arguments: [("[a]", "a list"), ("word", "\"word\""), ("5", "\"5\"")])
  func aFileThatIsNoMapping(text: String, kind: String) {
    let error = #expect(throws: KelipError.self) { try reader(text) }
    #expect(error?.message == "expected a mapping of sections, found \(kind)")
    #expect(error?.location == "run.yaml")
  }

  @Test(arguments: [
    "a: [1", "a: {b: 1", "\ta: 1", "a: b: c", "a: 1\na: 2", "x: {y: 1, y: 2}", "a: 1\n---\nb: 2",
  ])
  func notYAML(text: String) {
    let error = #expect(throws: KelipError.self) { try reader(text) }
    #expect(error?.message.hasPrefix("not YAML: ") == true)
  }

  @Test(arguments: ["", "\n", "# only a remark\n", "{}", "---\n"]) func anEmptyFileIsAMappingWithoutKeys(
    text: String
  )
    throws
  {
    #expect(try reader(text).integer("a.b", default: 4) == 4)
  }

  @Test func overridesReplaceAndAdd() throws {
    let reader = try reader(
      "a: {b: 1, c: [x]}\nd:",
      ["a.b=2", "a.c=[y, \"z w\"]", "d.e=1e-3", "f.g=text with = and spaces", "a.n=", "a.b=3"])
    #expect(try reader.integer("a.b") == 3)
    #expect(try reader.strings("a.c") == ["y", "z w"])
    #expect(try reader.number("d.e") == 1e-3)
    #expect(try reader.string("f.g") == "text with = and spaces")
    #expect(try reader.optionalNumber("a.n") == nil && reader.contains("a.n"))
    try reader.rejectUnknownKeys()
  }

  @Test(arguments: ["a", "=1", "", "a.b"]) func anOverrideWithoutAKeyOrValue(text: String) {
    let error = #expect(throws: KelipError.self) { try reader("a: {b: 1}", [text]) }
    #expect(error?.location == "--set" && error?.message.contains("key=value") == true)
  }

  @Test func anOverrideThatIsNotYAMLIsNamed() {
    let error = #expect(throws: KelipError.self) { try reader("{}", ["a.b=[1"]) }
    #expect(error?.location == "--set a.b")
  }

  @Test func anUnknownOverrideIsAnUnknownKey() throws {
    let reader = try reader("{}", ["a.stpes=5"])
    _ = try reader.integer("a.steps", default: 1)
    let error = #expect(throws: KelipError.self) { try reader.rejectUnknownKeys() }
    #expect(error?.hint == "did you mean a.steps?")
  }

  @Test(arguments: [
    ("", "", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("a", "a", 0),
  ])
  func editDistance(a: String, b: String, distance: Int) {
    #expect(ConfigReader.distance(a, b) == distance)
  }

  @Test func listsOfMappingsHaveReadersThatNameTheirPlace() throws {
    let reader = try reader("rules: [{a: 1}, {b: {ko: 2}}]")
    let items = try reader.mappings("rules")
    #expect(items.map(\.topLevelKeys) == [["a"], ["b"]])
    #expect(items[1].keys(of: "b") == ["ko"] && items[0].keys(of: "a") == nil)
    #expect(try items[1].integer("b.ko") == 2)
    try reader.rejectUnknownKeys()
    #expect { try items[0].rejectUnknownKeys() } throws: {
      ($0 as? KelipError)?.location == "run.yaml: rules[1]: a"
    }
    #expect(throws: KelipError.self) { try reader.mappings("absent") }
    #expect {
      try ConfigReader(yaml: "rules: [3]", source: "run.yaml").mappings("rules")
    } throws: {
      ($0 as? KelipError)?.location == "run.yaml: rules[1]"
    }
  }

  @Test func partsAreHandedOnAsTheyStand() throws {
    let reader = try reader(
      """
      variants:
        plain:
        weak+mae: {stages: [mae, "5"], mae.lr: 1.0e-4, on: yes, augmentation: {scale: [0.5, 1], crops: ~}}
      """)
    let members = try reader.members("variants")
    #expect(members.map(\.key) == ["plain", "weak+mae"] && members[0].value.text == "null")
    #expect(
      members[1].value.text
        == #"{"stages": ["mae", "5"], "mae.lr": 0.0001, "on": true, "augmentation": {"scale": [0.5, 1], "crops": null}}"#
    )
    #expect(try reader.members("others").isEmpty)
    try reader.rejectUnknownKeys()
    #expect(throws: KelipError.self) { try self.reader("variants: [a]").members("variants") }
    let again = try self.reader("{\"variants\": {\"weak+mae\": \(members[1].value.text)}}")
    #expect(try again.members("variants")[0].value.text == members[1].value.text)
  }

  @Test func settingsAreFlat() throws {
    let reader = try reader("a: {b: 1, c: {d: [x, 2.5]}}", ["a.b=3", "e.f=null"])
    #expect(
      reader.settings.map { "\($0.key)=\($0.value.text)" } == ["a.b=3", #"a.c.d=["x", 2.5]"#, "e.f=null"])
  }
}
