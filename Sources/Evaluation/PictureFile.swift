import Basics
import Foundation
import Imaging
import ShardStream

/// A picture that lies in a file of its own.
package enum PictureFile {
  /// JPEG, PNG and WebP files by their names, in a folder and below, in byte order of names; hidden ones are passed over.
  package static func files(below folder: String) throws -> [String] {
    try names(in: folder).flatMap { name in
      let path = "\(folder)/\(name)"
      if isFolder(path) { return try files(below: path) }
      return ImageFormat.isFileName(name) ? [path] : []
    }
  }

  /// What is not hidden in a folder, in byte order.
  package static func names(in folder: String) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
      throw KelipError("cannot list the folder: \(error.localizedDescription)", at: folder)
    }
  }

  package static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// Upright; a file that cannot be read or decoded is an error that names it.
  package static func read(_ path: String) throws -> RGBImage {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw KelipError("cannot read the picture: \(error.localizedDescription)", at: path)
    }
    do {
      return try data.withUnsafeBytes { try ImageDecoder.decode($0, upright: true) }
    } catch let fault as ImageFault {
      throw KelipError("cannot decode the picture: \(fault.reason)", at: path)
    }
  }

  /// 3 × S × S normalised values of a file's picture.
  package static func pixels(_ path: String, _ preparation: ImagePreparation) throws -> [Float] {
    let image = try read(path)
    return [Float](unsafeUninitializedCapacity: preparation.valueCount) { buffer, count in
      preparation.prepare(image, seed: 0, into: buffer)
      count = preparation.valueCount
    }
  }
}
