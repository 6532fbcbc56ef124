import Foundation
import Towers

/// The files that a run's weights start from: `model.init_from`, `model.init_image_from`, `model.init_text_from`.
package struct InitialWeights: Sendable, Equatable {
  /// Located; nil for none.
  package var model: String?
  package var imageTower: String?
  package var textTower: String?

  package init(model: String? = nil, imageTower: String? = nil, textTower: String? = nil) {
    (self.model, self.imageTower, self.textTower) = (model, imageTower, textTower)
  }

  /// Random weights, then the whole model's file, then the towers' own: the later has the last word. Objectives' heads
  /// stay random.
  ///
  /// - Parameter log: told of each file what was filled, and each tensor that starts afresh or is not used.
  package func fill(_ arena: ParameterArena, seed: UInt64, log: (String) -> Void) throws {
    arena.initialise(seed: seed)
    let parameters = arena.declared.filter { !$0.isHead }
    let files = [(model, WeightScope.model), (imageTower, .imageTower), (textTower, .textTower)]
    for case (let path?, let scope) in files {
      let fit = try WeightFile.load(URL(fileURLWithPath: path), into: parameters, scope)
      for line in fit.summary { log(line) }
    }
  }
}
