import Towers

#if canImport(Glibc)
  import Glibc
#endif

/// What a stage's parameters are before its first step.
struct StartWeights {
  let config: TrainConfig
  /// Of the stage before.
  let previous: ParameterArena?

  /// Random weights of the run's seed, over them the files that the configuration names, over them what the stage before
  /// has trained under the same names.
  ///
  /// - Parameter log: told what was filled from where.
  func fill(_ parameters: ParameterArena, log: (String) -> Void) throws {
    parameters.initialise(seed: config.seed)
    if let logitScale = parameters.declared.first(where: { $0.name == "logit_scale" }) {
      logitScale.value.pointee = Float(-Glibc.log(config.temperature))
    }
    let model = parameters.declared.filter { !$0.isHead }
    try config.initialWeights.fill(model, log: log)
    let count = copyTrained(to: model)
    if previous != nil { log("image tower from the stage before: \(count) tensors") }
  }

  private func copyTrained(to parameters: [Parameter]) -> Int {
    let trained = Dictionary(
      uniqueKeysWithValues: (previous?.declared ?? []).filter { !$0.isHead }.map { ($0.name, $0) })
    var count = 0
    for parameter in parameters {
      guard let source = trained[parameter.name], source.shape == parameter.shape else { continue }
      parameter.value.update(from: source.value, count: parameter.count)
      count += 1
    }
    return count
  }
}
