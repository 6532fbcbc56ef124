import Basics
import Kernels

/// One named tensor of a model: a range of the parameter arena.
package final class Parameter {
  /// Its outside name, e.g. `visual.transformer.resblocks.0.attn.in_proj_weight`.
  package let name: String
  /// As in open_clip; [] for a scalar.
  package let shape: [Int]
  /// Weight decay applies (matrices; not gains, biases, embeddings or the logit scale).
  package let decays: Bool
  /// How `ParameterArena.initialise` fills it.
  package let initialisation: Initialisation
  /// Whether it is trained, kept as it starts, or follows the data.
  package let role: Role
  /// Belongs to an objective, not to the model that is its result.
  package let isHead: Bool
  /// Elements from the start of the arena.
  package fileprivate(set) var offset = 0
  // The arena owns its parameters; a strong reference back would keep both alive for ever.
  fileprivate unowned var arena: ParameterArena!

  /// Elements.
  package var count: Int { shape.reduce(1, *) }
  /// The element after its last, from the start of the arena.
  package var end: Int { offset + count }
  /// Its `count` values, in row-major order.
  package var value: UnsafeMutablePointer<Float> { arena.values.baseAddress! + offset }
  /// Its gradient, laid out as `value`; only in an arena with gradients, and of what is trained.
  package var gradient: UnsafeMutablePointer<Float> {
    precondition(isTrainable, "\(name) is not trained and has no gradient")
    return arena.gradients.baseAddress! + offset
  }
  package var isTrainable: Bool { role == .trained }

  init(name: String, shape: [Int], decays: Bool, initialisation: Initialisation, role: Role, isHead: Bool) {
    (self.name, self.shape, self.decays, self.initialisation) = (name, shape, decays, initialisation)
    (self.role, self.isHead) = (role, isHead)
  }

  /// What becomes of a parameter in training. The arena lies in the order of these.
  package enum Role: Int, CaseIterable, Sendable {
    /// Has a gradient, optimizer state and a part in the all-reduce.
    case trained
    /// Keeps its value, and costs none of these.
    case frozen
    /// A batch norm's running statistics: follows the data in the forward pass, averaged over ranks after each step.
    case statistic
  }
}

/// How a parameter starts.
package enum Initialisation: Sendable {
  case constant(Float)
  case normal(std: Float)
  /// Uniform in ±bound.
  case uniform(bound: Float)
}

/// Collects parameters in the order that forward uses them, before there is memory for them.
package final class ParameterRegistry {
  fileprivate(set) var parameters: [Parameter] = []
  private var isFreezing = false
  private var isHead = false

  /// An empty registry.
  package init() {}

  /// Declares a parameter under a name that no other has. Its memory comes with the arena.
  package func add(_ name: String, _ shape: [Int], decays: Bool, _ initialisation: Initialisation)
    -> Parameter
  {
    add(name, shape, decays: decays, initialisation, .trained)
  }

  /// Declares running statistics; those of a frozen layer stay as they are.
  package func addStatistic(_ name: String, _ shape: [Int], startingAt value: Float) -> Parameter {
    add(name, shape, decays: false, .constant(value), .statistic)
  }

  private func add(
    _ name: String, _ shape: [Int], decays: Bool, _ initialisation: Initialisation, _ role: Parameter.Role
  ) -> Parameter {
    let parameter = Parameter(
      name: name, shape: shape, decays: decays, initialisation: initialisation,
      role: isFreezing ? .frozen : role, isHead: isHead)
    parameters.append(parameter)
    return parameter
  }

  /// What `body` declares is frozen if `condition` holds.
  package func frozen<Result>(if condition: Bool, _ body: () throws -> Result) rethrows -> Result {
    let outer = isFreezing
    isFreezing = outer || condition
    defer { isFreezing = outer }
    return try body()
  }

  /// What `body` declares belongs to an objective: it is trained and saved beside the model.
  package func heads<Result>(_ body: () throws -> Result) rethrows -> Result {
    isHead = true
    defer { isHead = false }
    return try body()
  }

  /// Of everything declared since there were `start` parameters: where its gradients end; 0 where nothing is trained.
  /// Known once the arena is laid out.
  func gradientEnd(since start: Int) -> () -> Int {
    let declared = parameters[start...].filter(\.isTrainable)
    return { declared.reduce(0) { max($0, $1.end) } }
  }

  /// How many have been declared.
  var count: Int { parameters.count }
}

/// All parameters of a model in one contiguous block, gradients in another of the same layout.
///
/// The layout is backward order (the last used comes first), so that during backward the finished gradients are
/// always a prefix: a communication bucket is a range, the optimizer one loop, a checkpoint one pass. What is not
/// trained lies behind: gradients and optimizer state have no place for it.
package final class ParameterArena {
  /// In layout order.
  package let parameters: [Parameter]
  /// First layer first, as files list them.
  package let declared: [Parameter]
  /// Every parameter's values; the gaps between them are zero.
  package let values: UnsafeMutableBufferPointer<Float>
  /// The layout of the first `trainedCount` values; empty without gradients.
  package let gradients: UnsafeMutableBufferPointer<Float>
  /// Elements of what is trained, alignment gaps included: gradients and moments have so many.
  package let trainedCount: Int
  /// Where the running statistics lie; empty in a model without batch norm.
  package let statistics: UnsafeMutableBufferPointer<Float>

  /// Lays the registered parameters out, last declared first, with zeros for values and gradients.
  ///
  /// - Parameter withGradients: false for a model that is only asked.
  package init(_ registry: ParameterRegistry, withGradients: Bool = true) {
    declared = registry.parameters
    let backward = registry.parameters.reversed()
    parameters = Parameter.Role.allCases.flatMap { role in backward.filter { $0.role == role } }
    var offset = 0
    var starts: [Parameter.Role: Int] = [:]
    for role in Parameter.Role.allCases {
      starts[role] = offset
      for parameter in parameters where parameter.role == role {
        parameter.offset = offset
        // Every tensor starts a cache line.
        offset += (parameter.count + 15) & ~15
      }
    }
    trainedCount = starts[.frozen]!
    values = hugePages(offset)
    gradients = hugePages(withGradients ? trainedCount : 0)
    statistics = UnsafeMutableBufferPointer(rebasing: values[starts[.statistic]!...])
    for parameter in parameters { parameter.arena = self }
    precondition(Set(parameters.map(\.name)).count == parameters.count, "two parameters of one name")
  }

  deinit {
    for block in [values, gradients] { releasePages(block) }
  }

  /// Elements of the arena, alignment gaps included.
  package var count: Int { values.count }
  /// Elements that are parameters; running statistics are none.
  package var parameterCount: Int {
    parameters.reduce(0) { $0 + ($1.role == .statistic ? 0 : $1.count) }
  }
  /// Elements that are trained.
  package var trainedParameterCount: Int {
    parameters.reduce(0) { $0 + ($1.isTrainable ? $1.count : 0) }
  }

  /// Backward accumulates, so each step begins with this.
  package func zeroGradients() {
    let span = Phase.zeroGradients.begin()
    defer { span.end() }
    clear(gradients)
  }

  /// Fills every parameter by its rule. Draws depend on (seed, name) alone, not on layout or on rank.
  package func initialise(seed: UInt64) {
    for parameter in parameters {
      let nameHash = parameter.name.utf8.reduce(UInt64(0)) { Hashing.combine($0, UInt64($1)) }
      var generator = SeededGenerator(seed: Hashing.combine(seed, nameHash))
      let target = UnsafeMutableBufferPointer(start: parameter.value, count: parameter.count)
      switch parameter.initialisation {
      case .constant(let value): target.update(repeating: value)
      case .normal(let std): generator.fillNormal(target, std: std)
      case .uniform(let bound):
        for i in target.indices { target[i] = bound * Float(2 * generator.nextUniform() - 1) }
      }
    }
  }
}
