import Basics
import Foundation
import Imaging
import ShardStream

/// A picture that lies in a file of its own.
package enum PictureFile {
  /// 3 × S × S normalised values; a file that cannot be read or decoded is an error that names it.
  package static func pixels(_ path: String, _ preparation: ImagePreparation) throws -> [Float] {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw KelipError("cannot read the picture: \(error.localizedDescription)", at: path)
    }
    do {
      let image = try data.withUnsafeBytes { try ImageDecoder.decode($0, upright: true) }
      return [Float](unsafeUninitializedCapacity: preparation.valueCount) { buffer, count in
        preparation.prepare(image, seed: 0, into: buffer)
        count = preparation.valueCount
      }
    } catch let fault as ImageFault {
      throw KelipError("cannot decode the picture: \(fault.reason)", at: path)
    }
  }
}
