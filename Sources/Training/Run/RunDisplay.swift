import Basics
import Foundation
import LivePage
import PageServing
import Logging
import RunService

/// What the leader shows of a run to those who watch: its status, and the live page where one is asked for.
final class RunDisplay {
  let status = RunStatus()
  private var page: GuardedPage?

  init(_ plan: RunPlan, _ directory: RunDirectory, hosts: [String], resumedAt step: Int) {
    status.begin(
      RunFacts(
        name: directory.root.lastPathComponent, directory: directory.root.path, model: plan.config.modelPath,
        rankCount: hosts.count, hosts: Set(hosts).sorted(),
        globalBatchSize: plan.stages[0].settings.globalBatchSize,
        totalSteps: plan.steps, stages: plan.stages.map(\.settings.kind.rawValue),
        startTime: Date().timeIntervalSince1970, resumedAtStep: step))
  }

  /// Shows what the run did before it was resumed, and what it will do. A page that cannot be served costs the page, not
  /// the run.
  ///
  /// Before the first step, and after the records are cut where the run goes on: lines beyond would be shown, too.
  func begin(_ settings: LogSettings, _ directory: RunDirectory, resumedAt step: Int, _ logger: Logger) {
    do {
      if step > 0 { try status.load(metrics: directory.metrics) }
      try serve(settings, directory, logger)
    } catch {
      logger.warning("there is no live page: \(error)")
    }
  }

  private func serve(_ settings: LogSettings, _ directory: RunDirectory, _ logger: Logger) throws {
    guard let port = settings.pagePort else { return }
    let page = try LivePage.page(
      of: status, runDirectory: directory.root, address: settings.pageAddress, port: port,
      tokenFile: settings.pageTokenFile.map { URL(fileURLWithPath: $0) })
    page.start()
    self.page = page
    logger.info("live page at \(page.url), with the token in \(page.tokenFile.path)")
  }

  /// - Parameter outcome: in a word or a line.
  func end(_ outcome: String) {
    status.end(outcome)
    page?.stop()
  }
}
