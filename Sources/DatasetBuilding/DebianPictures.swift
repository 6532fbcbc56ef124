import Basics
import Imaging

/// Builds shards of Korean and English captioned pictures out of Debian packages: Tux Paint's stamps and Noto's
/// colour emoji. The same packages and seed give the same bytes.
package enum DebianPictures {
  package struct Options: Sendable {
    /// Gets the folders `train` and `validation`.
    package var outputDirectory: String
    package var seed: UInt64
    /// Whether to run apt-get, as root, for packages that are not there.
    package var installMissing: Bool
    package var packages = DebianPackages()

    package init(outputDirectory: String, seed: UInt64 = 0, installMissing: Bool = false) {
      self.outputDirectory = outputDirectory
      self.seed = seed
      self.installMissing = installMissing
    }
  }

  /// - Throws: `KelipError` when packages are missing or the output cannot be written.
  package static func build(_ options: Options) throws -> BuildReport {
    try options.packages.require(installMissing: options.installMissing)
    for split in Split.allCases { try writer(for: split, options).requireReplaceable() }
    var collection = try StampCollection.collect(directory: options.packages.stampsDirectory)
    collection.append(
      try EmojiCollection.collect(
        fontPath: options.packages.emojiFont, cldrDirectory: options.packages.cldrDirectory))
    return try write(collection, options)
  }

  static func write(_ collection: PictureCollection, _ options: Options) throws -> BuildReport {
    let plan = SplitPlan(pictures: collection.pictures, seed: options.seed)
    var report = BuildReport(
      directory: options.outputDirectory, pictureCount: collection.pictures.count, shards: [:], counts: [],
      skipped: collection.skipped)
    for split in Split.allCases {
      let samples = plan.samples[split]!
      report.shards[split.rawValue] = try writer(for: split, options).write(samples, of: collection.pictures)
      report.counts += count(samples, of: collection.pictures, in: split)
    }
    return report
  }

  private static func writer(for split: Split, _ options: Options) -> ShardSetWriter {
    ShardSetWriter(directory: "\(options.outputDirectory)/\(split.rawValue)")
  }

  private static func count(
    _ samples: [PlannedSample], of pictures: [CaptionedPicture], in split: Split
  ) -> [BuildReport.Count] {
    var counts: [BuildReport.Count] = []
    for source in PictureSource.allCases {
      for language in CaptionLanguage.allCases {
        let matching = samples.filter { $0.language == language && pictures[$0.picture].source == source }
        counts.append(.init(split: split, source: source, language: language, samples: matching.count))
      }
    }
    return counts
  }
}
