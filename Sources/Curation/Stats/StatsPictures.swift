import Basics
import Captions
import Charts
import Foundation
import Imaging
import ShardStream

extension StatsReport {
  /// The distributions as panels.
  ///
  /// - Parameter title: names the data set.
  package func chart(title: String) -> ChartSheet {
    let bars: [ChartPanel] = [
      .bars(
        BarPanel(
          title: "Language of the caption",
          bars: Self.sorted(statistics.counts(.language)).map {
            .init(Self.name(ofLanguage: $0.key), $0.value)
          })),
      .bars(
        BarPanel(
          title: "Picture format",
          bars: Self.sorted(statistics.counts(.format)).map { .init($0.key, $0.value) })),
    ]
    let faults: [DataTally] = [.badCaption, .badImage, .rejected, .damaged]
    let faultBars = faults.flatMap { Self.sorted(statistics.counts($0)) }
      .map { BarPanel.Bar($0.key, $0.value) }
    let faultPanel = ChartPanel.bars(
      BarPanel(title: "Faults seen", note: "samples, groups and shards", bars: faultBars))
    let histograms = DataMeasure.allCases.compactMap(panel)
    return ChartSheet(title: title, subtitle: headline, panels: bars + histograms + [faultPanel])
  }

  private func panel(_ measure: DataMeasure) -> ChartPanel? {
    let histogram = statistics.histogram(measure)
    guard histogram.count > 0 else { return nil }
    let bins = MeasureBins(measure, histogram)
    let quantiles = [0.5, 0.05, 0.95].map { Self.text(histogram.quantile($0), measure) }
    let outside = bins.outside.isEmpty ? "" : "; not drawn: \(bins.outside)"
    let limit = measure == .captionTokens ? contextLength : nil
    return .histogram(
      HistogramPanel(
        title: measure.title,
        note: "median \(quantiles[0]), 90 % within \(quantiles[1]) to \(quantiles[2])\(outside)",
        axis: measure.unit, bins: bins.counts.bins, series: [.init("samples", bins.counts.counts)],
        thresholds: limit.map { [.init(Double($0), "context \($0)")] } ?? []))
  }

  static func name(ofLanguage tag: String) -> String {
    switch CaptionLanguage(tag: tag) {
    case .korean: "한국어 ko"
    case .english: "English en"
    case .other, nil: "other"
    }
  }

  /// An even sample of each language, pictures read from `shards`, the list that the statistics were taken of.
  package func samples(title: String, shards: [URL]) throws -> SampleSheet {
    let languages = CaptionLanguage.allCases.filter { statistics.picked[$0.tag] != nil }
    let groups = try languages.map { language in
      let count = statistics.counts(.language)[language.tag] ?? 0
      return SampleSheet.Group(
        title: Self.name(ofLanguage: language.tag), note: "\(count.digitGrouped) samples",
        tiles: try statistics.picked[language.tag]!.elements.map { try Self.tile($0, shards: shards) })
    }
    return SampleSheet(title: title, groups: groups)
  }

  private static func tile(_ sample: PickedSample, shards: [URL]) throws -> SampleSheet.Tile {
    let bytes = try ShardFile(url: shards[sample.shard])
      .bytes(at: sample.image.offset, count: sample.image.size)
    do throws(ImageFault) {
      let picture = try ImageDecoder.decode(bytes, background: .white, upright: true)
      return SampleSheet.Tile(picture: picture, caption: sample.caption, note: sample.note)
    } catch {
      return SampleSheet.Tile(picture: nil, caption: sample.caption, note: error.reason)
    }
  }
}
