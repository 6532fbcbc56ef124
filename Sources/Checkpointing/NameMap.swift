import Basics

/// How one kind of weight file calls its tensors, and how they are called here: data, read in both directions.
///
/// `NameMap.known` lists them; see there for how to add one.
package struct NameMap: Sendable {
  /// Names that begin alike outside and inside, apart from this.
  package struct Pair: Sendable {
    package let outside: String
    package let inside: String

    init(_ outside: String, _ inside: String) { (self.outside, self.inside) = (outside, inside) }
  }

  /// As `--format` calls it.
  package let format: String
  /// Beginnings of names that tell a file of this kind.
  let telltales: [String]
  /// What may stand before a name in a file, from wrappers such as DistributedDataParallel; never written.
  let wrappers: [String]
  /// Prefixes; of several that fit the first counts.
  let pairs: [Pair]
  /// Ends of names as older files spell them, and as they are spelled now; read, never written.
  let oldEnds: [Pair]
  /// Names, and beginnings of names that end in a dot, of what such files hold beside the weights of a tower.
  let ignored: [String]

  init(
    _ format: String, telltales: [String], wrappers: [String] = ["module."], pairs: [Pair],
    oldEnds: [Pair] = [],
    ignored: [String] = []
  ) {
    (self.format, self.telltales, self.wrappers) = (format, telltales, wrappers)
    (self.pairs, self.oldEnds, self.ignored) = (pairs, oldEnds, ignored)
  }

  /// What a file's tensor is here.
  package enum Inside: Equatable, Sendable {
    case tensor(String)
    /// Known, and no weight of a tower: buffers, heads of other tasks.
    case ignored
    case unknown
  }

  /// The name here of a file's tensor.
  package func inside(_ outside: String) -> Inside {
    let name = unwrapped(outside)
    guard !ignored.contains(where: { $0.hasSuffix(".") ? name.hasPrefix($0) : name == $0 }) else {
      return .ignored
    }
    guard let pair = pairs.first(where: { name.hasPrefix($0.outside) }) else { return .unknown }
    return .tensor(modern(pair.inside + name.dropFirst(pair.outside.count)))
  }

  /// The name in a file of a tensor here; nil for what such files have no place for.
  package func outside(_ inside: String) -> String? {
    pairs.first { inside.hasPrefix($0.inside) }.map { $0.outside + inside.dropFirst($0.inside.count) }
  }

  /// Whether a file with a tensor of this name is of this kind.
  func isTold(by outside: String) -> Bool {
    let name = unwrapped(outside)
    return telltales.contains(where: name.hasPrefix)
  }

  private func unwrapped(_ name: String) -> String {
    var name = Substring(name)
    while let wrapper = wrappers.first(where: name.hasPrefix) { name = name.dropFirst(wrapper.count) }
    return String(name)
  }

  private func modern(_ name: String) -> String {
    guard let pair = oldEnds.first(where: { name.hasSuffix($0.outside) }) else { return name }
    return name.dropLast(pair.outside.count) + pair.inside
  }
}
