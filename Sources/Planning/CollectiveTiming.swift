import Basics
import Foundation

/// How long collectives took where they were measured (`kelip bench collectives`), with a straight line through each.
package struct CollectiveTiming: Sendable, Equatable {
  package struct Point: Sendable, Equatable {
    package var bytes: Int
    package var seconds: Double

    package init(bytes: Int, seconds: Double) { (self.bytes, self.seconds) = (bytes, seconds) }
  }

  /// One collective over several lengths; bytes as `Collective` counts them.
  package struct Curve: Sendable, Equatable {
    package var kind: Collective.Kind
    package var points: [Point]

    package init(_ kind: Collective.Kind, _ points: [Point]) { (self.kind, self.points) = (kind, points) }

    /// seconds ≈ latency + bytes · perByte.
    package var line: (latency: Double, perByte: Double) { Self.fit(points) }

    /// Least squares of the relative errors, so that short and long ones count alike; neither number is negative.
    static func fit(_ points: [Point]) -> (latency: Double, perByte: Double) {
      var (s, sx, sy, sxx, sxy) = (0.0, 0.0, 0.0, 0.0, 0.0)
      for point in points where point.seconds > 0 {
        let (x, y) = (Double(point.bytes), point.seconds)
        let weight = 1 / (y * y)
        s += weight
        sx += weight * x
        sy += weight * y
        sxx += weight * x * x
        sxy += weight * x * y
      }
      let determinant = s * sxx - sx * sx
      guard s > 0 else { return (0, 0) }
      guard determinant > 1e-12 * s * sxx else { return (0, sx > 0 ? sxy / sxx : 0) }
      let slope = (s * sxy - sx * sy) / determinant
      let intercept = (sy - slope * sx) / s
      if intercept < 0 { return (0, sxy / sxx) }
      if slope < 0 { return (sy / s, 0) }
      return (intercept, slope)
    }
  }

  package var nodes: Int
  package var ranksPerNode: Int
  /// What the network is said to give, where somebody has said so.
  package var nominal: Link?
  package var curves: [Curve]
  /// Nil where compute was not run beside communication.
  package var overlap: Overlap?

  package init(nodes: Int, ranksPerNode: Int, nominal: Link?, curves: [Curve], overlap: Overlap?) {
    (self.nodes, self.ranksPerNode, self.nominal) = (nodes, ranksPerNode, nominal)
    (self.curves, self.overlap) = (curves, overlap)
  }

  package var worldSize: Int { nodes * ranksPerNode }

  package func curve(_ kind: Collective.Kind) -> Curve? { curves.first { $0.kind == kind } }
}

extension CollectiveTiming {
  package var json: JSONText {
    .object([
      ("nodes", .integer(nodes)), ("ranks_per_node", .integer(ranksPerNode)),
      ("link_gigabits_per_second", nominal.map { .number($0.bytesPerSecond * 8 / 1e9) } ?? .null),
      ("link_latency_us", nominal.map { .number($0.latencySeconds * 1e6) } ?? .null),
      ("collectives", .array(curves.map(\.json))),
      ("hidden_rate", overlap.map { .number($0.hiddenRate) } ?? .null),
      ("stolen_seconds_per_byte", overlap.map { .number($0.stolenSecondsPerByte) } ?? .null),
    ])
  }

  /// Reads what `json` wrote.
  package init(contentsOf path: String) throws {
    self = try PlanningFile.decode(Written.self, PlanningFile.read(path), path).timing(path)
  }

  private struct Written: Decodable {
    let nodes: Int
    let ranks_per_node: Int
    let link_gigabits_per_second: Double?
    let link_latency_us: Double?
    let collectives: [WrittenCurve]
    let hidden_rate: Double?
    let stolen_seconds_per_byte: Double?

    struct WrittenCurve: Decodable {
      let name: String
      let points: [WrittenPoint]
    }

    struct WrittenPoint: Decodable {
      let bytes: Int
      let seconds: Double
    }

    func timing(_ path: String) throws -> CollectiveTiming {
      guard nodes > 0, ranks_per_node > 0, hidden_rate.map({ $0 > 0 && $0 <= 1 }) ?? true,
        link_gigabits_per_second ?? 1 > 0, link_latency_us ?? 0 >= 0, stolen_seconds_per_byte ?? 0 >= 0
      else { throw KelipError("a number is out of range", at: path) }
      let curves = try collectives.map { curve in
        guard let kind = Collective.Kind(rawValue: curve.name) else {
          throw KelipError("unknown collective \"\(curve.name)\"", at: path)
        }
        return Curve(kind, curve.points.map { Point(bytes: $0.bytes, seconds: $0.seconds) })
      }
      return CollectiveTiming(
        nodes: nodes, ranksPerNode: ranks_per_node,
        nominal: link_gigabits_per_second.map {
          Link(gigabitsPerSecond: $0, microseconds: link_latency_us ?? 0)
        }, curves: curves,
        overlap: hidden_rate.map {
          Overlap(hiddenRate: $0, stolenSecondsPerByte: stolen_seconds_per_byte ?? 0)
        })
    }
  }
}

extension CollectiveTiming.Curve {
  var json: JSONText {
    let line = line
    return .object([
      ("name", .string(kind.rawValue)), ("latency_seconds", .number(line.latency)),
      ("bytes_per_second", line.perByte > 0 ? .number(1 / line.perByte) : .null),
      (
        "points",
        .array(points.map { .object([("bytes", .integer($0.bytes)), ("seconds", .number($0.seconds))]) })
      ),
    ])
  }
}
