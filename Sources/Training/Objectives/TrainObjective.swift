import Captions
import Collectives
import Evaluation
import Kernels
import Tokenization
import Towers

/// This rank's part of a global batch, ready for the towers.
package struct TrainBatch {
  /// The views of each picture, one crop after the other, b pictures each.
  package var crops: [Crop]
  /// b packed captions; empty where the stage needs none.
  package var captions: PackedCaptions
  /// Of the captions, for what is told of each language; empty where that is not asked for.
  package var languages: [CaptionLanguage]
  /// Of the run's stage, counted from 0: seeds what is drawn for the batch.
  package var step: Int
  /// The place of its first sample in the global batch, so that draws do not depend on the number of ranks.
  package var firstSlot: Int

  package init(
    crops: [Crop], captions: PackedCaptions, languages: [CaptionLanguage] = [], step: Int, firstSlot: Int
  ) {
    precondition(!crops.isEmpty)
    (self.crops, self.captions, self.languages) = (crops, captions, languages)
    (self.step, self.firstSlot) = (step, firstSlot)
  }

  /// One view of every picture.
  package struct Crop {
    /// Stands in the names of metrics; equal for the crops of a group.
    package var name: String
    package var images: ImageBatch

    package init(name: String, images: ImageBatch) { (self.name, self.images) = (name, images) }
  }

  /// b, the samples of this rank.
  package var count: Int { crops[0].images.count }
}

/// What an objective works with during one step.
package struct ObjectiveContext {
  /// Holds activations; rewound after the step.
  package var arena: Arena
  package var communicator: any Communicator
  /// The first `end` elements of the gradient arena are complete on this rank.
  package var gradientsReady: (_ end: Int) throws -> Void

  package init(
    arena: Arena, communicator: any Communicator, gradientsReady: @escaping (_ end: Int) throws -> Void
  ) {
    (self.arena, self.communicator, self.gradientsReady) = (arena, communicator, gradientsReady)
  }
}

/// What a batch gave; equal on every rank but for the time and the losses by language.
package struct ObjectiveResult: Sendable {
  /// The whole loss of the global batch, before the update.
  package var loss: Double
  /// Its parts, as `metrics.jsonl` names them.
  package var terms: [(name: String, value: Double)]
  /// Of this rank's pairs alone; none without a contrastive term.
  package var languages = LanguageLosses()
  /// The factor on cosine similarities; nil without a contrastive term.
  package var logitScale: Double?
  /// Seconds spent waiting for other ranks, the gradient all-reduce aside.
  package var communicationSeconds: Double

  package init(
    loss: Double, terms: [(name: String, value: Double)], languages: LanguageLosses = LanguageLosses(),
    logitScale: Double? = nil, communicationSeconds: Double
  ) {
    (self.loss, self.terms, self.languages, self.logitScale) = (loss, terms, languages, logitScale)
    self.communicationSeconds = communicationSeconds
  }
}

/// What a stage trains, and how a batch becomes loss and gradients. A new objective is a file that implements this, and
/// an entry in `StageKind`.
package protocol TrainObjective: AnyObject {
  /// Everything that is trained or saved; equal on every rank after each step.
  var parameters: ParameterArena { get }
  /// Re-reads the parameters into the compute path's copies.
  func refresh()
  /// Adds this rank's part of the gradient of the global batch's loss to the arena: the parts of all ranks sum to the
  /// whole. Ends with every gradient reported ready or left to the caller to report.
  func accumulate(_ batch: TrainBatch, _ context: ObjectiveContext) throws -> ObjectiveResult
  /// Brings parameters back within their limits after an update.
  func constrain()
  /// What is trained as an encoder of pairs, with the weights of the last `refresh`; nil where there are not both towers.
  func encoder(_ tokenizer: any Tokenizer) throws -> (any FeatureEncoder)?
  /// The embeddings of which a batch's gradient touches the rows of its captions' ids and no others; nil if there are
  /// none such.
  var tokenTable: Parameter? { get }
}

extension TrainObjective {
  package var tokenTable: Parameter? { nil }
  package func encoder(_ tokenizer: any Tokenizer) throws -> (any FeatureEncoder)? { nil }

  /// Where the gradients of `tokenTable` lie.
  package var tableRows: GradientLayout.Rows? {
    tokenTable.map { .init(range: $0.offset..<$0.end, width: $0.shape[1]) }
  }
}
