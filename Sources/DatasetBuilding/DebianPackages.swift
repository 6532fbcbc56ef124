import Basics
import Foundation

/// The Debian packages that hold the pictures, by the path that shows each to be installed.
package struct DebianPackages: Sendable {
  package var stampsDirectory = "/usr/share/tuxpaint/stamps"
  package var emojiFont = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
  package var cldrDirectory = "/usr/share/unicode/cldr/common"

  package init() {}

  /// Package names whose files are not here, in a fixed order.
  package var missing: [String] {
    let needed = [
      ("tuxpaint-stamps-default", [stampsDirectory]),
      ("fonts-noto-color-emoji", [emojiFont]),
      (
        "unicode-cldr-core",
        ["annotations/en.xml", "annotations/ko.xml", "properties/labels.txt"].map { "\(cldrDirectory)/\($0)" }
      ),
    ]
    return needed.filter { !$0.1.allSatisfy(FileManager.default.fileExists(atPath:)) }.map(\.0)
  }

  /// Makes sure that all is here. With `installMissing` asks apt-get, which only root may do.
  func require(installMissing: Bool) throws {
    let missing = missing
    guard !missing.isEmpty else { return }
    let command = "apt-get install --yes --no-install-recommends \(missing.joined(separator: " "))"
    guard installMissing && geteuid() == 0 else {
      throw KelipError(
        "the pictures are in Debian packages that are not installed: \(missing.joined(separator: ", "))",
        hint: installMissing ? "only root may install them: sudo \(command)" : "run: sudo \(command)")
    }
    try install(missing, command: command)
    let still = self.missing
    guard still.isEmpty else {
      throw KelipError(
        "installed, but their files are not where Debian 12 has them: \(still.joined(separator: ", "))")
    }
  }

  private func install(_ packages: [String], command: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-install-recommends"] + packages
    process.standardOutput = FileHandle.standardError
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw KelipError(
        "apt-get ended with status \(process.terminationStatus)",
        hint: "run `apt-get update`, then: \(command)")
    }
  }
}
