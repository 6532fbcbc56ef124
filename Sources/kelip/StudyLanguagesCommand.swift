import ArgumentParser
import StudyRuns

/// `kelip study languages`: the paper's second to fourth question.
struct StudyLanguages: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "languages",
    abstract:
      "Ask several models whether the languages meet, what words call up, and whether features add up.",
    discussion: """
      Trains the variants of --plan from every seed, or takes --checkpoints as they are, and runs kelip eval \
      cross-lingual, culture and analogy on each. Writes table.md, results.json, languages.png, and of the first model \
      the pictures that words and sums find. What is done in --out already is not done again.
      """)

  @Option(help: "Variants, seeds and evaluation, a YAML file.", completion: .file())
  var plan = "configs/studies/languages.yaml"
  @Option(help: "The study's directory.", completion: .directory) var out = "runs/study-languages"
  @Option(
    parsing: .upToNextOption, help: "Models that are trained already: checkpoints, or directories of runs.")
  var checkpoints: [String] = []
  @OptionGroup var options: StudyOptions

  func validate() throws {
    guard checkpoints.isEmpty || (options.seeds.isEmpty && options.variants.isEmpty && options.steps == nil)
    else { throw ValidationError("--checkpoints trains nothing: leave --seeds, --variants and --steps out") }
  }

  func run() throws {
    try options.run(.languages, options.plan(plan), checkpoints: checkpoints, in: out)
  }
}
