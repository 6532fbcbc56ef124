import Basics
import Imaging
import Testing

@testable import ShardStream

@Suite struct ColourDistortionTests {
  private static let strong = ColourDistortion(
    jitter: ColourJitter(brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2), jitterProbability: 0.8,
    greyProbability: 0.2, blurProbability: 0.5)

  private func draws(_ distortion: ColourDistortion, count: Int) -> [[ColourAdjustment]] {
    (0..<count).map { index in
      var generator = SeededGenerator(seed: Hashing.combine(7, UInt64(index)))
      return distortion.draw(size: 224, &generator)
    }
  }

  private func name(_ adjustment: ColourAdjustment) -> String {
    switch adjustment {
    case .brightness: "brightness"
    case .contrast: "contrast"
    case .saturation: "saturation"
    case .hue: "hue"
    case .grey: "grey"
    case .gaussianBlur: "blur"
    }
  }

  /// Four standard deviations of a share of 4,000 draws are 3.2 % at most.
  @Test func eachPartComesAsOftenAsItShould() {
    let all = draws(Self.strong, count: 4_000).map { $0.map(name) }
    func share(_ part: String) -> Double { Double(all.count { $0.contains(part) }) / 4_000 }
    for part in ["brightness", "contrast", "saturation", "hue"] { #expect(abs(share(part) - 0.8) < 0.026) }
    #expect(abs(share("grey") - 0.2) < 0.026 && abs(share("blur") - 0.5) < 0.032)
  }

  @Test func theJitterTakesEveryOrderAndGreyAndBlurFollow() {
    let all = draws(Self.strong, count: 4_000).map { $0.map(name) }
    let orders = Set(all.filter { $0.contains("hue") }.map { $0.prefix(4).joined(separator: " ") })
    #expect(orders.count == 24)
    let rests = Set(all.map { $0.filter { $0 == "grey" || $0 == "blur" } })
    #expect(rests == [[], ["grey"], ["blur"], ["grey", "blur"]])
    #expect(all.allSatisfy { !$0.contains("blur") || $0.last == "blur" })
  }

  @Test func amountsFillTheirRanges() {
    let jitter = ColourJitter(brightness: 1.5, contrast: 0.4, saturation: 0.8, hue: 0.2)
    var ranges: [String: ClosedRange<Double>] = [:]
    for adjustments in draws(ColourDistortion(jitter: jitter, blurProbability: 1), count: 4_000) {
      for adjustment in adjustments {
        let amount: Double
        switch adjustment {
        case .brightness(let factor), .contrast(let factor), .saturation(let factor), .hue(let factor):
          amount = factor
        case .gaussianBlur(let blur):
          #expect(blur.radius == 11)
          amount = blur.sigma
        case .grey: continue
        }
        let known = ranges[name(adjustment)] ?? amount...amount
        ranges[name(adjustment)] = min(known.lowerBound, amount)...max(known.upperBound, amount)
      }
    }
    let expected = [
      "brightness": 0...2.5, "contrast": 0.6...1.4, "saturation": 0.2...1.8, "hue": -0.2...0.2,
      "blur": 0.1...2.0,
    ]
    for (part, bounds) in expected {
      let found = ranges[part]!
      let slack = (bounds.upperBound - bounds.lowerBound) / 200
      #expect(bounds.contains(found.lowerBound) && bounds.contains(found.upperBound), "\(part)")
      #expect(found.lowerBound < bounds.lowerBound + slack && found.upperBound > bounds.upperBound - slack)
    }
  }

  @Test func partsWithoutAmountAreLeftOut() {
    let jitter = ColourJitter(brightness: 0, contrast: 0.5, saturation: 0, hue: 0)
    let all = draws(ColourDistortion(jitter: jitter), count: 50)
    #expect(all.allSatisfy { $0.map(name) == ["contrast"] })
    #expect(ColourDistortion.none.isNone && ColourDistortion(jitterProbability: 0.5).isNone)
    #expect(!ColourDistortion(greyProbability: 0.1).isNone && !Self.strong.isNone)
  }

  @Test(arguments: [(224, 11), (96, 4), (112, 5), (19, 0), (20, 1)])
  func theKernelIsATenthOfTheSide(size: Int, radius: Int) {
    #expect(ColourDistortion.blurRadius(size: size) == radius)
  }
}

@Suite struct ImagePreparationTests {
  private static let crop = Augmentation.randomResizedCrop(scale: 0.3...1, flip: 0.5)
  private static let strong = ColourDistortion(
    jitter: ColourJitter(brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2), greyProbability: 0.2,
    blurProbability: 0.5)

  /// What seeds drew before there were colours; runs must go on as they began.
  @Test func boxesAndFlipsStayAsTheyWere() {
    let preparation = ImagePreparation(size: 8, augmentation: Self.crop)
    let views = (0..<4).map { preparation.view(width: 640, height: 480, seed: $0) }
    #expect(
      views.map(\.source) == [
        Box(x: 92, y: 22, width: 358, height: 273), Box(x: 64, y: 48, width: 496, height: 431),
        Box(x: 105, y: 26, width: 503, height: 436), Box(x: 20, y: 97, width: 362, height: 322),
      ])
    #expect(views.map(\.isFlipped) == [true, true, true, true])
    #expect(views.allSatisfy { $0.adjustments.isEmpty && $0.outputWidth == 8 && $0.width == 8 })
  }

  @Test func coloursLeaveBoxesAndFlipsAlone() {
    for seed in 0..<50 {
      let plain = ImagePreparation(size: 16, augmentation: Self.crop).view(
        width: 99, height: 70, seed: UInt64(seed))
      var distorted = ImagePreparation(size: 16, augmentation: Self.crop, colours: Self.strong)
        .view(width: 99, height: 70, seed: UInt64(seed))
      #expect(!distorted.adjustments.isEmpty)
      distorted.adjustments = []
      #expect(distorted == plain)
    }
  }

  @Test func smallCropsMayBeEnlarged() {
    let preparation = ImagePreparation(size: 23, cropSize: 9, augmentation: Self.crop, colours: Self.strong)
    #expect(preparation.valueCount == 3 * 23 * 23)
    let view = preparation.view(width: 64, height: 48, seed: 3)
    #expect(view.width == 9 && view.height == 9 && view.outputWidth == 23 && view.outputHeight == 23)
    let picture = preparation.picture(of: TestCorpus.picture(3), seed: 3)
    #expect(picture.width == 23 && picture.height == 23)
  }

  /// The values that the tower gets are those of the picture that is shown.
  @Test func shownIsWhatIsTrainedOn() {
    let unit = Normalization(mean: .zero, std: .one)
    for seed in 0..<8 {
      let preparation = ImagePreparation(
        size: 21, cropSize: 13, augmentation: Self.crop, colours: Self.strong, normalization: unit)
      let image = TestCorpus.picture(seed)
      let picture = preparation.picture(of: image, seed: UInt64(seed))
      var values = [Float](repeating: .nan, count: preparation.valueCount)
      values.withUnsafeMutableBufferPointer { preparation.prepare(image, seed: UInt64(seed), into: $0) }
      let shown = picture.pixels.map { Float($0) / 255 }
      for place in 0..<(21 * 21) {
        for channel in 0..<3 { #expect(values[channel * 441 + place] == shown[3 * place + channel]) }
      }
    }
  }

  @Test(arguments: [1, 2, 3]) func ranksDrawTheSameColours(_ worldSize: Int) throws {
    let corpus = try TestCorpus()
    let crops = [
      ImagePreparation(size: 20, augmentation: Self.crop, colours: Self.strong),
      ImagePreparation(size: 10, cropSize: 6, augmentation: Self.crop, colours: Self.strong),
    ]
    let alone = try Loader(try corpus.options(crops: crops)).contents(4)
    let ranks = try (0..<worldSize).map {
      try Loader(try corpus.options(rank: $0, worldSize: worldSize, threads: 1, crops: crops)).contents(4)
    }
    let together = (0..<4).map { step in
      ranks.dropFirst().reduce(into: ranks[0][step]) { $0.append($1[step]) }
    }
    #expect(together.map(\.images) == alone.map(\.images))
  }
}
