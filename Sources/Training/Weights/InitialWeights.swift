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

  /// The whole model's file, then the towers' own: the later has the last word.
  ///
  /// - Parameters:
  ///   - parameters: of a stage, without its objective's heads; a stage that trains one tower takes that tower alone.
  ///   - log: told of each file what was filled, and each tensor that starts afresh or is not used.
  package func fill(_ parameters: [Parameter], log: (String) -> Void) throws {
    let files = [(model, WeightScope.model), (imageTower, .imageTower), (textTower, .textTower)]
    let isWhole = parameters.contains { $0.name == "logit_scale" }
    for case (let path?, let scope) in files where parameters.contains(where: { scope.covers($0.name) }) {
      let fit = try WeightFile.load(
        URL(fileURLWithPath: path), into: parameters, isWhole || scope != .model ? scope : .imageTower)
      for line in fit.summary { log(line) }
    }
  }
}
