import Basics
import Checkpointing
import Collectives
import Optimization
import Towers

/// The part of an optimizer's moments that one rank writes into a checkpoint: of each parameter a stretch of elements.
///
/// A rank with a share of the moments writes its share; where each has all, they are cut into equal parts.
struct MomentPieces {
  struct Piece {
    let parameter: Parameter
    /// Of the parameter's elements, from its first.
    let range: Range<Int>
    /// Of the first one in the optimizer's `m` and `v`.
    let place: Int

    var isWhole: Bool { range.count == parameter.count }

    /// `exp_avg.NAME` in the parameter's shape where the rank has all of it, else `exp_avg.NAME@START`, flat.
    func tensor(_ moment: Moment) -> TensorSpec {
      let name = moment.tensorName(parameter)
      return isWhole
        ? TensorSpec(name, .float32, parameter.shape)
        : TensorSpec("\(name)@\(range.lowerBound)", .float32, [range.count])
    }
  }

  /// First layer first.
  let pieces: [Piece]
  /// Where they lie in `m` and `v`.
  let places: Range<Int>

  init(_ optimizer: Optimizer, _ parameters: ParameterArena, rank: Int, worldSize: Int) {
    let count = parameters.trainedCount
    let window =
      optimizer.share == nil ? count * rank / worldSize..<count * (rank + 1) / worldSize : 0..<count
    var pieces: [Piece] = []
    for parameter in parameters.declared where parameter.isTrainable {
      optimizer.forEachOwned(in: parameter.elements.clamped(to: window)) { part, place in
        let start = part.lowerBound - parameter.offset
        pieces.append(Piece(parameter: parameter, range: start..<start + part.count, place: place))
      }
    }
    self.pieces = pieces
    let start = pieces.map(\.place).min() ?? 0
    places = start..<(pieces.map { $0.place + $0.range.count }.max() ?? start)
  }

  /// A rank's file, such as `optimizer-00002-of-00004.safetensors`.
  static func fileName(rank: Int, worldSize: Int) -> String {
    "\(filePrefix)\((rank + 1).padded(to: 5))-of-\(worldSize.padded(to: 5)).safetensors"
  }

  static let filePrefix = "optimizer-"
}

/// First and second moment, under the names of torch.optim's state.
enum Moment: String, CaseIterable {
  case expAvg = "exp_avg"
  case expAvgSq = "exp_avg_sq"

  func tensorName(_ parameter: Parameter) -> String { "\(rawValue).\(parameter.name)" }

  func values(of optimizer: Optimizer) -> UnsafeMutableBufferPointer<Float> {
    self == .expAvg ? optimizer.m : optimizer.v
  }
}

extension Parameter {
  /// Its elements of the arena.
  var elements: Range<Int> { offset..<end }
}
