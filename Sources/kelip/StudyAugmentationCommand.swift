import ArgumentParser
import StudyRuns

/// `kelip study augmentation`: the paper's first question.
struct StudyAugmentation: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "augmentation",
    abstract: "Compare augmentations, masked autoencoding and multi-crop: classification against retrieval.",
    discussion: """
      Trains every variant of --plan from every seed for the same number of contrastive updates (kelip-worker under \
      mpirun), classifies and retrieves with each, and writes table.md, results.json and augmentation.png to --out. \
      What is done there already is not done again; a study that was stopped goes on.
      """)

  @Option(help: "Variants, seeds and evaluation, a YAML file.", completion: .file())
  var plan = "configs/studies/augmentation.yaml"
  @Option(help: "The study's directory.", completion: .directory) var out = "runs/study-augmentation"
  @OptionGroup var options: StudyOptions

  func run() throws { try options.run(.augmentation, options.plan(plan), in: out) }
}
