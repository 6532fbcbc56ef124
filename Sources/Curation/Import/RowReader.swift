import Basics
import Captions
import Foundation
import Imaging
import ShardStream

/// Makes a sample of a row: reads, checks, and where asked shrinks its picture.
struct RowReader: Sendable {
  static let jpegQuality = 95

  let files: ImportFiles
  /// Pictures with a longer side are resized to it; nil leaves all as they are.
  let maxSide: Int?

  /// - Throws: `ImportFault` for what makes no sample.
  func sample(_ row: ImportRow, key: String) throws -> OutputSample {
    let caption = try caption(row)
    let picture = try picture(try bytes(row.picture))
    var metadata = row.metadata
    metadata["key"] = key
    metadata["caption"] = caption
    metadata["language"] = Self.language(row.language, caption).tag
    metadata["sha256"] = SHA256Hasher.hexDigest(of: picture.bytes)
    return OutputSample(
      picture: picture.bytes, format: picture.format, caption: caption, metadata: metadata)
  }

  /// `en`, `en-GB` and `EN` are English; what is neither Korean nor English is other.
  private static func language(_ stated: String?, _ caption: String) -> CaptionLanguage {
    guard let stated, !stated.isEmpty else { return .detect(caption) }
    let tag = stated.lowercased().prefix { $0.isLetter }
    return CaptionLanguage(tag: String(tag)) ?? .other
  }

  private func bytes(_ content: ImportRow.Content) throws -> [UInt8] {
    switch content {
    case .bytes(let bytes): return bytes
    case .file(let path):
      return try files.read(
        path, limit: ImportFiles.largestPicture, missing: .imageMissing, unreadable: .imageUnreadable,
        tooLarge: .imageTooLarge)
    case .member(let file, let range):
      guard range.size <= ImportFiles.largestPicture else { throw ImportFault.imageTooLarge }
      return try file.bytes(range)
    }
  }

  private func caption(_ row: ImportRow) throws -> String {
    var bytes: [UInt8]
    switch row.caption {
    case .bytes(let given): bytes = given
    case .file(let path):
      bytes = try files.read(
        path, limit: ImportFiles.largestCaption, missing: .captionMissing, unreadable: .captionUnreadable,
        tooLarge: .captionTooLarge)
    case .member(let file, let range):
      guard range.size <= ImportFiles.largestCaption else { throw ImportFault.captionTooLarge }
      bytes = try file.bytes(range)
    }
    guard bytes.count <= ImportFiles.largestCaption else { throw ImportFault.captionTooLarge }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw ImportFault.captionNotUTF8 }
    let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard !trimmed.isEmpty else { throw ImportFault.captionEmpty }
    return trimmed
  }

  private func picture(_ bytes: [UInt8]) throws(ImportFault) -> (bytes: [UInt8], format: PictureFormat) {
    guard !bytes.isEmpty else { throw .imageEmpty }
    guard let format = PictureFormat(bytes) else { throw .imageUnknownFormat }
    guard let maxSide else { return (bytes, format) }
    let image: RGBImage
    do throws(ImageFault) {
      // The new JPEG has no EXIF: what that says of turning is done here.
      image = try ImageDecoder.decode(bytes, background: .white, upright: true)
    } catch {
      if case .tooLarge = error { throw .imageTooLarge }
      throw .imageCorrupt
    }
    let long = max(image.width, image.height)
    guard long > maxSide else { return (bytes, format) }
    func scaled(_ side: Int) -> Int { max(1, Int((Double(side) * Double(maxSide) / Double(long)).rounded())) }
    let small = Resampling.resize(image, width: scaled(image.width), height: scaled(image.height))
    return (JPEGEncoder.encode(small, quality: Self.jpegQuality), .jpg)
  }
}
