// swift-tools-version: 6.2
import PackageDescription

// Arrows run downward only (see "Rooms" in README.md). Every C library is imported by exactly one Swift module.

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]
/// Vector loops are written to be auto-vectorised; -O2 alone leaves some of them scalar.
let vectorised: [CSetting] = [
  .unsafeFlags([
    "-O3", "-fno-math-errno", "-fno-trapping-math", "-mprefer-vector-width=512", "-Wall", "-Wextra",
    "-Werror",
  ])
]

/// Tests look inside rooms also when these are optimised, so that what is tested is what runs: one release build for
/// both. It costs symbols, no speed: the hot loops are in C.
let testable: [SwiftSetting] = strict + [.unsafeFlags(["-enable-testing"])]

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: testable)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "kelip",
  products: [
    .executable(name: "kelip-worker", targets: ["kelip-worker"]),
    .executable(name: "kelip", targets: ["kelip"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // C libraries, as Debian ships them.
    .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c"),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas"),
    .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg"),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng"),
    .systemLibrary(name: "CFreeType", pkgConfig: "freetype2"),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto"),
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash"),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),
    .systemLibrary(name: "CWebP", pkgConfig: "libwebp"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CXML2", pkgConfig: "libxml-2.0"),

    // Small C and C++: what Swift cannot import, and vector loops that no library offers.
    .target(name: "CMPIShims", dependencies: ["COpenMPI"], cSettings: vectorised),
    .target(
      name: "COneDNNShims", cxxSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])],
      linkerSettings: [.linkedLibrary("dnnl")]),
    .target(name: "CKernels", cSettings: vectorised),
    .target(name: "CStacks", cSettings: vectorised),
    .target(name: "CFiles", cSettings: vectorised),
    .target(name: "CImageKernels", cSettings: vectorised),
    // Stands before the allocator in every program that links it: only the benchmarks do.
    .target(name: "CAllocationCounts", cSettings: vectorised),
    .target(
      name: "CCLD2Shims", cxxSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])],
      linkerSettings: [.linkedLibrary("cld2")]),

    // Rooms, from the ground up.
    room("Basics", ["CCrypto", "CFiles", "CXXHash"]),
    room("Configuration", ["Basics", .product(name: "Yams", package: "Yams")]),
    room("Kernels", ["Basics", "CKernels", "COneDNNShims", "COpenBLAS"]),
    room("Collectives", ["Basics"]),
    room("MPICollectives", ["Basics", "Collectives", "CMPIShims"]),
    room("Imaging", ["Basics", "CImageKernels", "CTurboJPEG", "CPNG", "CWebP", "CFreeType"]),
    room("Tokenization", ["Basics", "CZlib"]),
    room("Captions", ["Basics", "CCLD2Shims", "CXML2", "Tokenization"]),
    room("ShardStream", ["Basics", "Imaging", "Tokenization", "Captions", "Collectives", "CZstd"]),
    room("Charts", ["Basics", "Imaging"]),
    room(
      "Curation",
      [
        "Basics", "Configuration", "Imaging", "Tokenization", "Captions", "Collectives", "ShardStream",
        "Charts",
      ]),
    room("DatasetBuilding", ["Basics", "Imaging", "ShardStream"]),
    room("Towers", ["Basics", "Kernels"]),
    room("Objectives", ["Basics", "Kernels", "Collectives"]),
    room("Optimization", ["Basics", "Kernels", "Towers"]),
    room("Checkpointing", ["Basics"]),
    room("RunService", ["Basics", "CStacks", logging]),
    room("PageServing", ["Basics"]),
    // The page's own files are part of the program.
    .target(
      name: "LivePage", dependencies: ["Basics", "RunService", "PageServing"],
      resources: [
        .embedInCode("Page/page.html"), .embedInCode("Page/page.css"), .embedInCode("Page/chart.js"),
        .embedInCode("Page/panels.js"), .embedInCode("Page/page.js"),
      ],
      swiftSettings: testable),
    room(
      "Evaluation",
      [
        "Basics", "Kernels", "Collectives", "Imaging", "Charts", "Tokenization", "ShardStream", "Towers",
        "Objectives", "Checkpointing",
      ]),
    room(
      "Training",
      [
        "Basics", "Configuration", "Kernels", "Collectives", "Tokenization", "Captions", "ShardStream",
        "Towers", "Objectives", "Optimization", "Evaluation", "Imaging", "Charts",
        "Checkpointing", "RunService", "PageServing", "LivePage", .product(name: "Yams", package: "Yams"),
        logging,
      ]),
    room("Planning", ["Basics", "Collectives", "Charts"]),
    room(
      "Reports",
      ["Basics", "Charts", "Checkpointing", "RunService", .product(name: "Yams", package: "Yams")]),
    room(
      "StudyRuns",
      ["Basics", "Configuration", "Imaging", "Charts", "Checkpointing", "RunService"]),
    room(
      "FeatureStore",
      ["Basics", "Kernels", "Collectives", "ShardStream", "Checkpointing", "Evaluation"]),
    room(
      "Studies",
      [
        "Basics", "Configuration", "Captions", "Collectives", "Imaging", "Charts", "ShardStream", "Curation",
        "Evaluation",
      ]),
    .target(
      name: "Search",
      dependencies: [
        "Basics", "Kernels", "Checkpointing", "Imaging", "Charts", "ShardStream", "Evaluation",
        "FeatureStore", "PageServing",
      ],
      resources: [
        .embedInCode("Page/search.html"), .embedInCode("Page/search.css"), .embedInCode("Page/search.js"),
      ],
      swiftSettings: testable),
    room(
      "Previews",
      [
        "Basics", "Configuration", "Kernels", "Collectives", "Imaging", "Charts", "ShardStream", "Towers",
        "Evaluation", "Training",
      ]),
    room(
      "Benchmarks",
      [
        "Basics", "CAllocationCounts", "Kernels", "Collectives", "Towers", "Objectives", "Optimization",
        "Training", "Imaging", "ShardStream", "Planning", "Tokenization",
      ]),
    room("ProgramEntry", ["Basics", "Collectives", "MPICollectives", arguments]),
    .executableTarget(
      name: "kelip-worker",
      dependencies: ["Basics", "Kernels", "RunService", "Training", "ProgramEntry", arguments],
      swiftSettings: strict,
      // Names in the stacks of a run that stands still.
      linkerSettings: [.unsafeFlags(["-Xlinker", "-export-dynamic"])]),
    .executableTarget(
      name: "kelip",
      dependencies: [
        "Basics", "Kernels", "Training", "Evaluation", "FeatureStore", "Search", "PageServing", "Studies",
        "Previews", "Benchmarks", "DatasetBuilding", "MPICollectives", "ProgramEntry", "Tokenization",
        "Imaging", "Checkpointing", "ShardStream", "Towers", "Captions", "Charts", "Collectives",
        "Curation", "Planning", "StudyRuns", "RunService", "Reports", arguments,
      ], swiftSettings: strict),

    // A tests folder per room.
    tests("BasicsTests", ["Basics"]),
    tests("ConfigurationTests", ["Configuration", "Basics"]),
    // Seeded numbers, closeness reports and a reader of parity fixtures, for the tests of numeric rooms.
    .target(
      name: "TestSupport", dependencies: ["Basics", "Kernels"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .target(name: "TestFolders", path: "Tests/TestFolders", swiftSettings: strict),
    tests("KernelsTests", ["Kernels", "TestSupport"]),
    tests("CollectivesTests", ["Collectives", "CollectivesContract"]),
    // One list of checks for every communicator, run by `swift test` and, as a program, under mpirun.
    .target(
      name: "CollectivesContract", dependencies: ["Basics", "Collectives"], path: "Tests/CollectivesContract",
      swiftSettings: strict),
    .executableTarget(
      name: "mpi-contract", dependencies: ["CollectivesContract", "MPICollectives"],
      path: "Tests/MPIContract",
      swiftSettings: strict),
    // Changed input for every reader of foreign bytes; see Tests/Fuzz/run.sh.
    .executableTarget(
      name: "kelip-fuzz",
      dependencies: [
        "Basics", "Imaging", "Tokenization", "Captions", "ShardStream", "Checkpointing", "Curation",
        arguments,
      ],
      path: "Tests/Fuzz", exclude: ["leaks.supp", "run.sh"], swiftSettings: strict),
    tests("ImagingTests", ["Imaging", "Basics"], resources: [.copy("Fixtures")]),
    tests("TokenizationTests", ["Tokenization", "Basics"], resources: [.copy("Fixtures")]),
    tests(
      "ShardStreamTests",
      ["ShardStream", "Imaging", "Tokenization", "Captions", "Collectives", "Basics", "TestFolders"],
      resources: [.copy("Fixtures")]),
    tests("CaptionsTests", ["Captions", "Tokenization", "Basics"], resources: [.copy("Fixtures")]),
    tests("ChartsTests", ["Charts", "Imaging", "Basics"]),
    tests("PlanningTests", ["Planning", "Collectives", "Charts", "Basics", "TestFolders"]),
    tests(
      "CurationTests",
      [
        "Curation", "Captions", "Charts", "Configuration", "ShardStream", "Imaging", "Tokenization",
        "Collectives", "Basics", "TestFolders",
      ],
      resources: [.copy("Fixtures")]),
    tests("DatasetBuildingTests", ["DatasetBuilding", "ShardStream", "Imaging", "Basics", "TestFolders"]),
    tests(
      "TowersTests", ["Towers", "Kernels", "Objectives", "Collectives", "TestSupport"],
      resources: [.copy("Fixtures")]),
    tests("ObjectivesTests", ["Objectives", "Collectives", "Kernels", "TestSupport"]),
    tests("OptimizationTests", ["Optimization", "Towers", "TestSupport"], resources: [.copy("Fixtures")]),
    tests("CheckpointingTests", ["Basics", "Checkpointing"], resources: [.copy("Fixtures")]),
    tests("RunServiceTests", ["RunService", "Basics", "TestFolders"]),
    .target(
      name: "TestSockets", dependencies: ["Basics"], path: "Tests/TestSockets", swiftSettings: strict),
    tests("PageServingTests", ["PageServing", "Basics", "TestFolders", "TestSockets"]),
    tests(
      "LivePageTests", ["LivePage", "PageServing", "RunService", "Basics", "TestFolders", "TestSockets"]),
    // A made-up run behind a real page, for Tests/Parity/live_page.py and for looking at it.
    .executableTarget(
      name: "live-page-demo",
      dependencies: ["LivePage", "PageServing", "RunService", "Basics", "Imaging"],
      path: "Tests/LivePageDemo", swiftSettings: strict),
    // A run small enough for tests: shards, tokenizer, model file and configuration in a folder of its own.
    .target(
      name: "TinyRun", dependencies: ["Basics", "Imaging", "ShardStream", "Tokenization"],
      path: "Tests/TinyRun",
      swiftSettings: strict),
    tests(
      "TrainingTests",
      [
        "Training", "Configuration", "RunService", "Checkpointing", "Collectives", "Tokenization", "Captions",
        "ShardStream", "Optimization", "Objectives", "Towers", "Evaluation", "Kernels",
        "Basics", "TestSupport", "TinyRun",
      ]),
    tests(
      "FeatureStoreTests",
      [
        "FeatureStore", "Checkpointing", "Collectives", "ShardStream", "Imaging", "Basics", "TestEncoders",
        "TestFolders",
      ]),
    tests(
      "SearchTests",
      [
        "Search", "FeatureStore", "Evaluation", "Kernels", "ShardStream", "Imaging", "PageServing", "Basics",
        "TestEncoders", "TestFolders", "TestSupport",
      ]),
    tests("ReportsTests", ["Reports", "Basics", "TestFolders"]),
    tests("StudyRunsTests", ["StudyRuns", "Basics", "TestFolders"]),
    tests("BenchmarksTests", ["Benchmarks", "Towers", "Kernels", "Collectives", "Basics"]),
    tests(
      "EvaluationTests",
      [
        "Evaluation", "Training", "Towers", "Tokenization", "Checkpointing", "Kernels", "Basics", "Imaging",
        "Charts", "Collectives", "TinyRun",
      ]),
    tests(
      "StudiesTests",
      [
        "Studies", "Evaluation", "Captions", "ShardStream", "Imaging", "Collectives", "Charts", "Basics",
        "TestEncoders", "TestFolders",
      ]),
    .target(
      name: "TestEncoders", dependencies: ["Evaluation", "ShardStream", "Towers", "Training", "TinyRun"],
      path: "Tests/TestEncoders", swiftSettings: strict),
    tests(
      "PreviewsTests",
      ["Previews", "Training", "Imaging", "Charts", "Collectives", "Kernels", "Towers", "Basics", "TinyRun"]),
  ],
  cxxLanguageStandard: .cxx17
)
