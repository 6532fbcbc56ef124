import Basics
import Foundation

/// The last evaluation that stands in the run directory.
struct EvaluationFiles: Sendable {
  private let resultsFile: URL
  private let pictureFile: URL

  /// What a page is not asked to show.
  private static let maximumResultsBytes = 4 << 20
  private static let maximumPictureBytes = 32 << 20

  /// - Parameter folder: `RUN/evaluations`; it need not be there.
  init(folder: URL) {
    resultsFile = folder.appendingPathComponent("latest.json")
    pictureFile = folder.appendingPathComponent("latest.png")
  }

  /// Nil where there is no file.
  var results: [UInt8]? { Self.bytes(of: resultsFile, atMost: Self.maximumResultsBytes) }
  var picture: [UInt8]? { Self.bytes(of: pictureFile, atMost: Self.maximumPictureBytes) }

  /// Texts that change when the files do; nil where there is no file.
  var versions: (results: String?, picture: String?) {
    (Self.version(of: resultsFile), Self.version(of: pictureFile))
  }

  private static func version(of url: URL) -> String? {
    var status = stat()
    guard stat(url.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)-\(status.st_ino)"
  }

  private static func bytes(of url: URL, atMost count: Int) -> [UInt8]? {
    // Without waiting, should a pipe stand there.
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= count
    else { return nil }
    return (try? handle.read(upToCount: count)).map { Array($0) }
  }
}
