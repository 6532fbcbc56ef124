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

  /// The whole model's file, then the towers' own: the later has the last word. Objectives' heads stay as they are, and
  /// of the whole model's file only the image tower is taken where `parameters` are no more than that.
  ///
  /// - Parameter log: told of each file what was filled, and each tensor that starts afresh or is not used.
  package func fill(_ arena: ParameterArena, log: (String) -> Void) throws {
    let parameters = arena.declared.filter { !$0.isHead }
    let isWhole = parameters.contains { WeightScope.textTower.covers($0.name) }
    let files = [
      (model, isWhole ? WeightScope.model : .imageTower), (imageTower, .imageTower),
      (isWhole ? textTower : nil, .textTower),
    ]
    for case (let path?, let scope) in files {
      let fit = try WeightFile.load(URL(fileURLWithPath: path), into: parameters, scope)
      for line in fit.summary { log(line) }
    }
  }
}
