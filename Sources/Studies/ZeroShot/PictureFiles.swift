import Basics
import Evaluation
import Foundation
import Imaging
import ShardStream

/// Picture files with labels: a folder a class, or a table of paths.
package struct PictureFiles: LabelledPictures {
  package let labels: [String]
  private let paths: [String]

  /// `DIR/CLASS/*.jpg` and below, the classes and their files in byte order of names; hidden ones and what is no JPEG, PNG
  /// or WebP by its name are passed over.
  package init(folderPerClass folder: String) throws {
    var (paths, labels) = ([String](), [String]())
    for label in try PictureFile.names(in: folder)
    where PictureFile.isFolder("\(folder)/\(label)") {
      let found = try PictureFile.files(below: "\(folder)/\(label)")
      paths += found
      labels += found.map { _ in label }
    }
    guard !paths.isEmpty else {
      throw KelipError(
        "holds no folders with pictures", at: folder, hint: "expected \(folder)/CLASS/PICTURE.jpg")
    }
    (self.paths, self.labels) = (paths, labels)
  }

  /// A CSV or TSV file with a head: column `image` (a path from the table's folder) and column `label`.
  package init(table path: String) throws {
    var columns = try NamedColumns(path, ["image", "label"])
    var (paths, labels) = ([String](), [String]())
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    while let row = try columns.next() {
      let file = row[0]!
      paths.append(file.hasPrefix("/") ? file : "\(folder)/\(file)")
      labels.append(row[1]!)
    }
    guard !paths.isEmpty else { throw KelipError("has no rows", at: path) }
    (self.paths, self.labels) = (paths, labels)
  }

  package func name(_ number: Int) -> String { paths[number] }

  package func pixels(_ number: Int, _ preparation: ImagePreparation) throws -> [Float] {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: paths[number])) else {
      throw UnusablePicture(reason: "file_unreadable")
    }
    do {
      return Self.pixels(try data.withUnsafeBytes { try ImageDecoder.decode($0, upright: true) }, preparation)
    } catch let fault as ImageFault {
      throw UnusablePicture(reason: fault.reason)
    }
  }
}
