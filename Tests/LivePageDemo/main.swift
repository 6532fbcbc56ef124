// A made-up run behind a real page:
//
//     live-page-demo DIR PORT RANKS STEPS
//
// writes what a run of STEPS steps that was killed and resumed 20 steps earlier leaves in DIR, serves its page, prints
// `{"port", "token_file"}` and goes on with a step a second until its standard input ends.
import Basics
import Foundation
import LivePage
import RunService

let words = CommandLine.arguments
guard words.count == 5, let port = UInt16(words[2]), let rankCount = Int(words[3]), let steps = Int(words[4]),
  rankCount > 0, steps > 20
else {
  FileHandle.standardError.write(Data("live-page-demo DIR PORT RANKS STEPS\n".utf8))
  exit(2)
}
let directory = RunDirectory(words[1])
let totalSteps = steps * 3

func feed(_ status: RunStatus, _ files: DemoFiles, _ run: inout MadeUpRun, _ number: Int) throws {
  let step = run.step(number, of: totalSteps)
  try files.write(step: number, step.values)
  status.add(
    step: number, values: step.values,
    ranks: step.ranks.map {
      RankTimes(dataSeconds: $0.data, computeSeconds: $0.compute, communicationSeconds: $0.communication)
    })
}

func notes(_ status: RunStatus) {
  for index in 1...6 {
    status.note(
      CheckpointEvent(
        step: index * steps / 6, seconds: 41 + Double(index), stallSeconds: 0.31 + 0.01 * Double(index),
        failure: index == 4 ? "checkpoints/step-4.partial: write: No space left on device" : nil))
  }
  status.note(incident: "update skipped: gradient norm is not finite", step: steps / 4)
  status.note(incident: "rank 7 on node03 stands still for 31 s", step: steps / 3, level: .error)
  status.note(incident: "went back to the checkpoint of step \(steps / 5)", step: steps / 4, level: .info)
  status.note(incident: "<img src=x onerror=alert(1)> & <b>no markup</b>", step: steps / 2)
}

func serve() throws {
  try directory.create()
  let killed = RunStatus()
  var run = MadeUpRun(rankCount: rankCount)
  var files = try DemoFiles(directory, resumingAt: 0)
  for number in 1...steps { try feed(killed, files, &run, number) }
  try files.synchronize()

  let resumedAt = steps - 20
  let status = RunStatus()
  files = try DemoFiles(directory, resumingAt: resumedAt)
  status.begin(
    RunFacts(
      name: "kelip ViT-B/32, korean-english", directory: directory.root.path,
      model: "ViT-B/32 and a causal text transformer of 12 layers\n176,575,233 parameters, bf16",
      rankCount: rankCount, hosts: (0..<max(1, rankCount / 64)).map { "node\($0)" }, globalBatchSize: 4096,
      totalSteps: totalSteps, stages: ["mae", "joint", "contrastive"],
      startTime: Date().timeIntervalSince1970 - 7200, resumedAtStep: resumedAt))
  try status.load(metrics: directory.metrics)
  notes(status)
  try DemoFiles.writeEvaluation(directory, step: resumedAt)
  for number in (resumedAt + 1)...steps { try feed(status, files, &run, number) }
  try files.synchronize()

  let page = try LivePage.page(of: status, runDirectory: directory.root, port: port)
  page.start()
  let place = JSONText.object([
    ("port", .integer(Int(page.port))), ("token_file", .string(page.tokenFile.path)),
  ])
  FileHandle.standardOutput.write(Data("\(place.text)\n".utf8))
  var number = steps
  var isOver = false
  while !isOver {
    var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    isOver = poll(&input, 1, 1000) > 0 && readLine() == nil
    if number < totalSteps {
      number += 1
      try feed(status, files, &run, number)
    }
  }
  status.end("done")
  page.stop()
  try files.synchronize()
}

do {
  try serve()
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(1)
}
