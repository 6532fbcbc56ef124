import Basics
import Configuration
import Foundation
import ShardStream
import Testing

@testable import Training

@Suite struct AugmentationConfigTests {
  private func config(_ augmentation: String) throws -> TrainConfig {
    let yaml = """
      run: {directory: out}
      model: {config: m.yaml}
      data: {train: shards, tokenizer: t.json, global_batch_size: 48}
      optimizer: {steps: 100}
      augmentation: \(augmentation)
      """
    return try TrainConfig(
      ConfigReader(yaml: yaml, source: "run.yaml"), relativeTo: URL(fileURLWithPath: "/absent"))
  }

  private static func colours(_ amounts: [Double], _ probability: Double = 1) -> ColourDistortion {
    ColourDistortion(
      jitter: ColourJitter(
        brightness: amounts[0], contrast: amounts[1], saturation: amounts[2], hue: amounts[3]),
      jitterProbability: probability)
  }

  @Test func oneCropIsDrawnAsBefore() throws {
    let plain = try CropGroup.groups(
      config("{scale: [0.3, 0.8], ratio: [1, 2], flip: 0.25}").crops, imageSize: 32)
    let expected = ImagePreparation(
      size: 32, augmentation: .randomResizedCrop(scale: 0.3...0.8, ratio: 1...2, flip: 0.25))
    #expect(plain.preparations == [expected] && plain[0].name == "image" && plain[0].crops == 0..<1)
    let none = try CropGroup.groups(config("{train: none, scale: [0.3, 0.8], flip: 1}").crops, imageSize: 32)
    #expect(none.preparations == [ImagePreparation(size: 32)])
  }

  @Test func kindsBringTheirDefaults() throws {
    let weak = try config("{train: weak}").augmentation
    #expect(weak == AugmentationSettings(kind: .weak, scale: 0.5...1, flip: 0.5))
    var strong = AugmentationSettings(
      kind: .strong, scale: 0.08...1, flip: 0.5, colours: Self.colours([0.8, 0.8, 0.8, 0.2], 0.8))
    strong.colours.greyProbability = 0.2
    strong.colours.blurProbability = 0.5
    #expect(strong.colours.blurSigma == 0.1...2)
    #expect(try config("{train: strong}").augmentation == strong)
    strong.colours.jitter = ColourJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1)
    #expect(try config("{train: strong, strength: 0.5}").augmentation == strong)
    strong.scale = 0.5...1
    strong.colours.blurProbability = 0
    #expect(try config("{train: strong, strength: 0.5, scale: [0.5, 1], blur: 0}").augmentation == strong)
  }

  /// The paper's two sizes, each group with what the section says where it says nothing itself.
  @Test func groupsTakeWhatTheSectionSays() throws {
    let crops = try config(
      """
      {flip: 0.5, colour_jitter: [0.4, 0.4, 0.4, 0.1], crops: [
        {name: global, count: 2, scale: [0.4, 1]}, {name: local, size: 96, count: 4, scale: [0.05, 0.4], grey: 0.2}]}
      """
    ).crops
    let groups = CropGroup.groups(crops, imageSize: 224)
    #expect(groups.map(\.name) == ["global", "local"] && groups.map(\.size) == [224, 96])
    #expect(groups.map(\.count) == [2, 4] && groups.map(\.crops) == [0..<2, 2..<6])
    var colours = Self.colours([0.4, 0.4, 0.4, 0.1])
    let global = ImagePreparation(
      size: 224, augmentation: .randomResizedCrop(scale: 0.4...1, flip: 0.5), colours: colours)
    colours.greyProbability = 0.2
    let local = ImagePreparation(
      size: 96, augmentation: .randomResizedCrop(scale: 0.05...0.4, flip: 0.5), colours: colours)
    #expect(groups.preparations == [global, global, local, local, local, local])
  }

  /// The uncropped picture, four crops, and two small ones that are enlarged.
  @Test func theBriefsCrops() throws {
    let crops = try config(
      """
      {train: random_resized_crop, flip: 0.5, colour_jitter: [0.4, 0.4, 0.4, 0.4], crops: [
        {name: whole, augmentation: none}, {name: large, count: 4, scale: [0.4, 1]},
        {name: small, size: 96, resize_to: 224, count: 2, scale: [0.05, 0.4]}]}
      """
    ).crops
    let groups = CropGroup.groups(crops, imageSize: 224)
    #expect(groups.map(\.size) == [224, 224, 224] && groups.map(\.crops) == [0..<1, 1..<5, 5..<7])
    #expect(groups[0].preparation == ImagePreparation(size: 224))
    let colours = Self.colours([0.4, 0.4, 0.4, 0.4])
    #expect(groups[1].preparation.colours == colours && groups[1].preparation.cropSize == nil)
    #expect(
      groups[2].preparation
        == ImagePreparation(
          size: 224, cropSize: 96, augmentation: .randomResizedCrop(scale: 0.05...0.4, flip: 0.5),
          colours: colours))
  }

  @Test func aGroupsOwnKindBringsItsOwnDefaults() throws {
    let crops = try config("{scale: [0.2, 0.3], crops: [{augmentation: strong}, {augmentation: weak}, {}]}")
      .crops
    #expect(crops.map(\.name) == ["image", "image_2", "image_3"])
    #expect(
      crops.map(\.augmentation) == [
        .preset(.strong), .preset(.weak), AugmentationSettings(scale: 0.2...0.3),
      ])
    let sizes = try config(
      "{crops: [{size: 96}, {size: 64, resize_to: 96}, {strength: 2, augmentation: strong}]}")
    #expect(sizes.crops.map(\.name) == ["96", "96_2", "image"])
    #expect(sizes.crops[2].augmentation == .preset(.strong, strength: 2))
  }

  @Test func theResolvedConfigReadsBackAsItself() throws {
    let first = try config(
      """
      {train: strong, strength: 0.5, blur_sigma: [0.2, 1], crops: [{name: a, count: 3}, {augmentation: none},
        {name: c-1, size: 96, resize_to: 224, augmentation: strong, grey: 1}]}
      """)
    let yaml = ResolvedConfig.yaml(first.resolved)
    let second = try TrainConfig(
      ConfigReader(yaml: yaml, source: "config.yaml"), relativeTo: URL(fileURLWithPath: "/absent"))
    #expect(second.crops == first.crops && second.augmentation == first.augmentation)
    #expect(ResolvedConfig.yaml(second.resolved) == yaml)
    let plain = ResolvedConfig.yaml(try config("{train: weak}").resolved)
    #expect(plain.contains("crops: null"))
    let again = try TrainConfig(
      ConfigReader(yaml: plain, source: "config.yaml"), relativeTo: URL(fileURLWithPath: "/absent"))
    #expect(ResolvedConfig.yaml(again.resolved) == plain)
  }

  @Test(arguments: [
    ("{colour_jitter: [1, 1, 1]}", "augmentation.colour_jitter"),
    ("{colour_jitter: [1, 1, 1, 0.6]}", "augmentation.colour_jitter"),
    ("{colour_jitter: [-1, 1, 1, 0]}", "augmentation.colour_jitter"),
    ("{colour_jitter: 0.4}", "augmentation.colour_jitter"),
    ("{colour_jitter_probability: 2}", "augmentation.colour_jitter_probability"),
    ("{grey: -1}", "augmentation.grey"), ("{blur: 1.1}", "augmentation.blur"),
    ("{blur_sigma: [0, 1]}", "augmentation.blur_sigma"), ("{strength: 3}", "augmentation.strength"),
    ("{train: none, grey: 0.5}", "augmentation.train"), ("{crops: []}", "augmentation.crops"),
    ("{crops: 5}", "augmentation.crops"), ("{crops: [7]}", "augmentation.crops[1]"),
    ("{crops: [{count: 0}]}", "augmentation.crops[1]: count"),
    ("{crops: [{size: 0}]}", "augmentation.crops[1]: size"),
    ("{crops: [{}, {resize_to: 1.5}]}", "augmentation.crops[2]: resize_to"),
    ("{crops: [{name: a b}]}", "augmentation.crops[1]: name"),
    ("{crops: [{name: ä}]}", "augmentation.crops[1]: name"),
    ("{crops: [{name: ko}]}", "augmentation.crops[1]: name"),
    ("{crops: [{name: a}, {name: a}]}", "augmentation.crops[2]: name"),
    ("{crops: [{augmentation: none, flip: 0.5}]}", "augmentation.crops[1]: flip"),
    ("{crops: [{augmentation: mild}]}", "augmentation.crops[1]: augmentation"),
    ("{crops: [{sise: 96}]}", "augmentation.crops[1]: sise"),
  ])
  func mistakesNameTheirPlace(augmentation: String, place: String) {
    let error = #expect(throws: KelipError.self) { try config(augmentation) }
    #expect(error?.location == "run.yaml: \(place)" && error?.exitCode == .badInput)
  }

  @Test func otherSectionsMayHaveSuchKeys() throws {
    let reader = try ConfigReader(yaml: "mae: {flip: 0.25}", source: "run.yaml")
    let defaults = AugmentationSettings(scale: 0.2...1, flip: 0.5)
    let settings = try AugmentationSettings.read(
      reader, section: "mae", kindKey: "augmentation", defaults: defaults)
    #expect(settings == AugmentationSettings(scale: 0.2...1, flip: 0.25))
  }
}
