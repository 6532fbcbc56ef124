import Foundation

/// Where the sidecar of a shard lies: beside it, or in a folder of its own where the data set is read-only.
package enum SidecarPlace: Equatable, Sendable {
  package static let suffix = ".kelip-index"

  case beside
  /// Under this folder, which repeats the shards' absolute paths: names occur again in other folders.
  case folder(String)

  /// - Parameter folder: `data.index_directory`; nil for beside the shards.
  package init(folder: String?) { self = folder.map(Self.folder) ?? .beside }

  package func path(ofShard path: String) -> String {
    switch self {
    case .beside: path + Self.suffix
    case .folder(let folder):
      folder + URL(fileURLWithPath: path, isDirectory: false).standardizedFileURL.path + Self.suffix
    }
  }
}
