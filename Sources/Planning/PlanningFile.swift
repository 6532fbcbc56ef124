import Basics
import Foundation

/// JSON files that a plan reads.
enum PlanningFile {
  static func read(_ path: String) throws -> Data {
    do {
      return try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw KelipError("cannot read: \(error.localizedDescription)", at: path)
    }
  }

  static func decode<Value: Decodable>(_: Value.Type, _ data: Data, _ origin: String) throws -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: data)
    } catch DecodingError.keyNotFound(let key, _) {
      throw KelipError("has no \"\(key.stringValue)\"", at: origin)
    } catch {
      throw KelipError("not the JSON that is expected: \(error)", at: origin)
    }
  }
}
