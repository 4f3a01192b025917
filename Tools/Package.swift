// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]
let cSettings: [CSetting] = [
  .define("_GNU_SOURCE"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "pindown-tools",
  products: [
    // A provider for the switch to load.
    .library(name: "example-provider", type: .dynamic, targets: ["ExampleProvider"])
  ],
  dependencies: [
    .package(name: "pindown", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
  ],
  targets: [
    .executableTarget(
      name: "pindown",
      dependencies: [
        .product(name: "Pindown", package: "pindown"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        "CTools",
        "CMappingChanges",
        "Conformance",
      ],
      swiftSettings: swiftSettings),
    // Plays the switch against a provider's library. It knows the SPI's headers and nothing else of
    // the library.
    .target(
      name: "Conformance",
      dependencies: [.product(name: "Pindown", package: "pindown"), "CConformance"],
      swiftSettings: swiftSettings),
    .target(name: "CConformance", cSettings: cSettings),
    // A program of the README; its other half, write.c, is compiled by a test.
    .executableTarget(
      name: "example-receive", dependencies: [.product(name: "Pindown", package: "pindown")],
      path: "examples/receive", swiftSettings: swiftSettings),
    .target(
      name: "ExampleProvider", dependencies: [.product(name: "Pindown", package: "pindown")],
      path: "examples/provider-swift", swiftSettings: swiftSettings),
    .target(name: "CTools", cSettings: cSettings),
    .target(name: "CMappingChanges", cSettings: cSettings),
    // A process to look at: publishes records written by hand, knows nothing of the library.
    .executableTarget(
      name: "publish-fixture", path: "Tests/publish-fixture", cSettings: cSettings),
    .testTarget(
      name: "ConformanceTests", dependencies: ["Conformance"], swiftSettings: swiftSettings),
    .testTarget(
      name: "pindownTests", dependencies: ["pindown", "publish-fixture"],
      swiftSettings: swiftSettings),
  ]
)
