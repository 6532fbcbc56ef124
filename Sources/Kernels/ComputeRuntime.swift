import Basics
import Foundation

/// What this process computes with: instruction set, libraries, threads and their measured rate.
package enum ComputeRuntime {
  /// Starts the program anew, once, when the libraries need settings that they read only while loading: OpenBLAS's core
  /// type and both thread pools. Call first thing in main.
  ///
  /// OpenBLAS 0.3.21 does not know newer Intel processors and falls back to its slowest kernels ("Prescott"): a fifth
  /// of the rate. A core type that the user has set stays.
  package static func prepareProcess(threads: Int) {
    var changed = false
    func want(_ name: String, _ value: String) {
      guard ProcessInfo.processInfo.environment[name] != value else { return }
      setenv(name, value, 1)
      changed = true
    }
    want("OMP_NUM_THREADS", String(threads))
    want("OPENBLAS_NUM_THREADS", String(threads))
    if ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] == nil,
      let core = InstructionSet.betterCoreType
    {
      want("OPENBLAS_CORETYPE", core)
    }
    guard changed else { return }
    var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
    execv("/proc/self/exe", &arguments)
    // Only reached when exec is refused (a seccomp filter, say): slower, not wrong.
    for argument in arguments { free(argument) }
  }

  /// GFLOP/s of one matrix product of this program's usual shape, the best of several repetitions.
  package static func measureRate<S: ComputeScalar>(_: S.Type, seconds: Double = 0.15) throws -> Double {
    let (rows, inputs, outputs) = (768, 768, 768)
    let arena = try Arena(capacity: 1 << 30)
    let weight = arena.allocateZeroed(Float.self, inputs * outputs)
    let (x, y) = (arena.allocateZeroed(S.self, rows * inputs), arena.allocateZeroed(S.self, rows * outputs))
    let map = LinearMap<S>(inputs: inputs, outputs: outputs, layout: .outputsByInputs, weight: weight)
    map.refresh(training: false)
    map.forward(x, bias: nil, into: y, rows: rows)
    let end = monotonicSeconds() + seconds
    var best = Double.infinity
    repeat {
      let start = monotonicSeconds()
      map.forward(x, bias: nil, into: y, rows: rows)
      best = min(best, monotonicSeconds() - start)
    } while monotonicSeconds() < end
    return 2e-9 * Double(rows * inputs * outputs) / best
  }

  /// One line for the log: libraries, kernels, instruction set, threads.
  package static func describe(threads: Int) -> String {
    let ownFloats = ProductEngine.preferred(.fp32) == .vectorUnit ? "own AVX-512 kernels, else " : ""
    let own = ProductEngine.preferred(.bf16) == .matrixUnit ? "own AMX kernels, else " : ""
    return
      "compute: \(InstructionSet.summary); fp32 \(ownFloats)OpenBLAS (\(BLAS.coreName)), bf16 \(own)oneDNN "
      + "\(OneDNN.version) (\(OneDNN.kernelName)); \(threads) thread\(threads == 1 ? "" : "s") a rank"
  }

  /// A warning when the rate is far below what the instruction set gives, else nil.
  package static func warning(precision: Precision, gigaflops: Double, threads: Int) -> String? {
    let expected = InstructionSet.expectedGigaflops(precision) * Double(threads)
    guard gigaflops < expected / 3 else { return nil }
    return
      "\(precision.rawValue) matrix products run at \(Int(gigaflops)) GFLOP/s, far below the \(Int(expected)) that "
      + "\(InstructionSet.summary) usually gives: is the machine shared, or OPENBLAS_CORETYPE (\(BLAS.coreName)) wrong?"
  }
}

/// What the processor offers, from the kernel's list of flags.
enum InstructionSet {
  private static let flags: Set<Substring> = {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("flags") })
    else { return [] }
    return Set(line.split(separator: " ").map { $0 })
  }()

  private static var hasAVX512: Bool {
    ["avx512f", "avx512dq", "avx512bw", "avx512vl"].allSatisfy(flags.contains)
  }
  private static var hasAVX2: Bool { flags.contains("avx2") && flags.contains("fma") }

  static var summary: String {
    if flags.contains("amx_bf16") { return "AVX-512 with AMX bf16" }
    if flags.contains("avx512_bf16") { return "AVX-512 with bf16" }
    return hasAVX512 ? "AVX-512" : hasAVX2 ? "AVX2" : "baseline instruction set"
  }

  /// The core type to ask OpenBLAS for, where what it detected is not made for this instruction set.
  static var betterCoreType: String? {
    let old = ["Prescott", "Core2", "Nehalem", "Sandybridge", "Haswell", "Zen", "Barcelona", "Generic"]
    if hasAVX512 { return old.contains(BLAS.coreName) ? "SkylakeX" : nil }
    if hasAVX2 { return old.prefix(4).contains(BLAS.coreName) ? "Haswell" : nil }
    return nil
  }

  /// Roughly what one core gives; only its order of magnitude matters.
  static func expectedGigaflops(_ precision: Precision) -> Double {
    switch precision {
    case .fp32: hasAVX512 ? 120 : hasAVX2 ? 50 : 8
    case .bf16: flags.contains("amx_bf16") ? 700 : flags.contains("avx512_bf16") ? 150 : hasAVX512 ? 60 : 4
    }
  }
}
