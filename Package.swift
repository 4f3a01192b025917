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

/// A module of the library: its folder is `Sources/<name>`; `documents` are files there that are
/// for readers only.
func module(
  _ name: String, needs dependencies: [Target.Dependency] = [], documents: [String] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: documents, swiftSettings: swiftSettings)
}

/// A module in C: a shim, a hook or a header.
func cModule(_ name: String, needs dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, cSettings: cSettings)
}

/// A Debian library that is found through pkg-config.
func systemModule(_ name: String, pkgConfig: String, package: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

func tests(_ name: String, needs dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies,
    swiftSettings: swiftSettings)
}

let package = Package(
  name: "pindown",
  products: [
    .library(name: "Pindown", type: .dynamic, targets: ["Pindown", "ControlFileSystem"])
  ],
  targets: [
    systemModule("CFuse", pkgConfig: "fuse3", package: "libfuse3-dev"),
    systemModule("CCapability", pkgConfig: "libcap", package: "libcap-dev"),
    systemModule("CUring", pkgConfig: "liburing", package: "liburing-dev"),
    cModule("CWinsockDirect"),
    cModule("CSyscallInterception"),
    cModule("CLinuxMemory", needs: ["CUring"]),
    cModule("CDynamicLoader"),
    cModule("CInspection"),
    cModule("CPindown"),
    cModule("CMemfdNIC"),
    module("VirtualMemory", needs: ["CLinuxMemory", "CCapability"]),
    module("PageTracking", needs: ["VirtualMemory", "CSyscallInterception"]),
    module("Inspection", needs: ["VirtualMemory", "CLinuxMemory", "CInspection"]),
    module("RegistrationCache", needs: ["PageTracking", "Inspection", "VirtualMemory"]),
    module(
      "MemfdNIC", needs: ["VirtualMemory", "Inspection", "CLinuxMemory", "CMemfdNIC"],
      documents: ["PROTOCOL.md"]),
    module(
      "MemfdProvider",
      needs: ["RegistrationCache", "MemfdNIC", "Inspection", "VirtualMemory", "CWinsockDirect"]),
    module(
      "SocketsSwitch",
      needs: [
        "PageTracking", "Inspection", "VirtualMemory", "CWinsockDirect", "CLinuxMemory",
        "CDynamicLoader",
      ]),
    module(
      "StreamSockets", needs: ["SocketsSwitch", "VirtualMemory", "CLinuxMemory"],
      documents: ["PROTOCOL.md"]),
    module("ControlFileSystem", needs: ["Inspection", "VirtualMemory", "CLinuxMemory", "CFuse"]),
    module(
      "Pindown",
      needs: [
        "CPindown", "StreamSockets", "SocketsSwitch", "MemfdProvider", "RegistrationCache",
        "PageTracking", "Inspection", "VirtualMemory",
      ]),
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: swiftSettings),
    tests(
      "SocketsSwitch",
      needs: ["CWinsockDirect", "Inspection", "PageTracking", "VirtualMemory", "TestSupport"]),
    tests(
      "StreamSockets",
      needs: [
        "SocketsSwitch", "MemfdProvider", "CWinsockDirect", "Inspection", "PageTracking",
        "VirtualMemory", "CAllocationCounter", "TestSupport",
      ]),
    .target(
      name: "CInterceptionRecorder", dependencies: ["CSyscallInterception"],
      path: "Tests/CInterceptionRecorder",
      cSettings: cSettings + [.headerSearchPath("../../Sources/CSyscallInterception")]),
    .testTarget(name: "HouseTests", swiftSettings: swiftSettings),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter", cSettings: cSettings),
    tests("CSyscallInterception", needs: ["CInterceptionRecorder", "CAllocationCounter"]),
    tests("VirtualMemory"),
    tests(
      "PageTracking", needs: ["CInterceptionRecorder", "CAllocationCounter", "VirtualMemory"]),
    tests(
      "RegistrationCache",
      needs: [
        "PageTracking", "Inspection", "VirtualMemory", "CAllocationCounter",
        "CInterceptionRecorder",
      ]),
    .target(
      name: "CPublishingChild", path: "Tests/CPublishingChild", cSettings: cSettings),
    tests("Inspection", needs: ["VirtualMemory", "CLinuxMemory", "CPublishingChild"]),
    tests("ControlFileSystem", needs: ["Inspection", "VirtualMemory", "CPublishingChild"]),
    .target(
      name: "CWinsockDirectSources", dependencies: ["CWinsockDirect"],
      path: "Tests/CWinsockDirectSources", cSettings: cSettings,
      cxxSettings: [.treatAllWarnings(as: .error)]),
    tests("CWinsockDirect", needs: ["CWinsockDirectSources"]),
    tests(
      "MemfdProvider",
      needs: [
        "CWinsockDirect", "CWinsockDirectSources", "CInterceptionRecorder", "CAllocationCounter",
        "MemfdNIC", "Inspection", "PageTracking", "VirtualMemory",
      ]),
    tests(
      "MemfdNIC",
      needs: [
        "VirtualMemory", "Inspection", "CLinuxMemory", "CMemfdNIC", "CAllocationCounter",
      ]),
  ]
)
