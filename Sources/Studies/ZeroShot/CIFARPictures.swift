import Basics
import Foundation
import Imaging
import ShardStream

/// CIFAR-10 or CIFAR-100 in the binary version of its authors (https://www.cs.toronto.edu/~kriz/cifar.html): records of
/// one label byte (two for CIFAR-100, of which the second, fine one counts) and 32 × 32 pixels, plane by plane.
package struct CIFARPictures: LabelledPictures {
  package let labels: [String]
  private let bytes: Data
  private let labelBytes: Int
  private let path: String

  static let side = 32
  private static let pixelBytes = 3 * side * side

  /// - Parameter path: `test_batch.bin` of CIFAR-10 or `test.bin` of CIFAR-100; the names of its classes lie beside it, in
  ///   `batches.meta.txt` or `fine_label_names.txt`.
  package init(_ path: String) throws {
    self.path = path
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    let candidates = [("batches.meta.txt", 1), ("fine_label_names.txt", 2)]
    guard
      let (file, labelBytes) = candidates.first(where: {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent($0.0).path)
      })
    else {
      throw KelipError(
        "the classes' names are missing: no \(candidates.map(\.0).joined(separator: " or "))", at: folder.path
      )
    }
    self.labelBytes = labelBytes
    let names: [String]
    do {
      names = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
        .split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter {
          !$0.isEmpty
        }
      bytes = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    } catch {
      throw KelipError("cannot be read: \(error.localizedDescription)", at: path)
    }
    let size = labelBytes + Self.pixelBytes
    guard !bytes.isEmpty, bytes.count.isMultiple(of: size) else {
      throw KelipError(
        "\(bytes.count) bytes are no records of \(size)", at: path,
        hint: "give a .bin file of the binary version")
    }
    let bytes = bytes
    labels = try (0..<bytes.count / size).map { number in
      let label = Int(bytes[number * size + labelBytes - 1])
      guard label < names.count else {
        throw KelipError("record \(number) is of class \(label), of \(names.count)", at: path)
      }
      return names[label]
    }
  }

  package func name(_ number: Int) -> String { "\(path)#\(number)" }

  package func pixels(_ number: Int, _ preparation: ImagePreparation) throws -> [Float] {
    Self.pixels(picture(number), preparation)
  }

  func picture(_ number: Int) -> RGBImage {
    var image = RGBImage(width: Self.side, height: Self.side)
    let (start, plane) = (number * (labelBytes + Self.pixelBytes) + labelBytes, Self.side * Self.side)
    for y in 0..<Self.side {
      for x in 0..<Self.side {
        let place = start + y * Self.side + x
        image[x, y] = RGBColour(
          red: bytes[place], green: bytes[place + plane], blue: bytes[place + 2 * plane])
      }
    }
    return image
  }
}
