import Foundation
import Testing

/// The plan of the house, held against the source: who may import whom, and what never goes in.
@Suite struct HouseTests {
  /// What each module may import of ours; arrows go one way.
  private static let arrows: [String: Set<String>] = [
    "VirtualMemory": ["CLinuxMemory", "CCapability"],
    "PageTracking": ["VirtualMemory", "CSyscallInterception", "CLinuxMemory"],
    "Inspection": ["VirtualMemory", "CLinuxMemory", "CInspection"],
    "RegistrationCache": ["PageTracking", "Inspection", "VirtualMemory", "CLinuxMemory"],
    "MemfdNIC": ["VirtualMemory", "Inspection", "CLinuxMemory", "CMemfdNIC"],
    "MemfdProvider": [
      "RegistrationCache", "MemfdNIC", "Inspection", "VirtualMemory", "CWinsockDirect",
      "CLinuxMemory",
    ],
    "SocketsSwitch": [
      "PageTracking", "Inspection", "VirtualMemory", "CWinsockDirect", "CLinuxMemory",
      "CDynamicLoader",
    ],
    "StreamSockets": ["SocketsSwitch", "VirtualMemory", "CLinuxMemory"],
    "ControlFileSystem": ["Inspection", "VirtualMemory", "CFuse", "CLinuxMemory"],
    "Pindown": [
      "CPindown", "StreamSockets", "SocketsSwitch", "MemfdProvider", "RegistrationCache",
      "PageTracking", "Inspection", "VirtualMemory", "CLinuxMemory", "CWinsockDirect",
    ],
  ]
  private static let system: Set<String> = ["Glibc", "Synchronization", "Swift"]

  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Every Swift file below a folder of the checkout.
  private static func files(below folder: String, ending: [String] = ["swift"]) -> [URL] {
    let enumerator = FileManager.default.enumerator(
      at: root.appending(path: folder), includingPropertiesForKeys: nil)
    return (enumerator?.allObjects as? [URL] ?? []).filter {
      ending.contains($0.pathExtension) && !$0.path.contains("/.build/")
    }
  }

  private static func imports(of file: URL) throws -> [String] {
    try lines(of: file).compactMap { line in
      var words = line.split(separator: " ").map(String.init)
      while let word = words.first, word.hasPrefix("@") || Self.modifiers.contains(word) {
        words.removeFirst()
      }
      guard words.first == "import", words.count >= 2 else { return nil }
      // `import struct Module.Name`
      let name = Self.kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
      return String(name.split(separator: ".")[0])
    }
  }

  private static let modifiers: Set<String> = ["public", "package", "internal", "private"]
  private static let kinds: Set<String> = ["struct", "class", "enum", "func", "var", "typealias"]

  private static func lines(of file: URL) throws -> [String] {
    try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
  }

  @Test(arguments: arrows.keys.sorted())
  func importsFollowTheArrows(_ module: String) throws {
    let files = Self.files(below: "Sources/\(module)")
    #expect(!files.isEmpty, "\(module) has no source")
    let allowed = Self.system.union(try #require(Self.arrows[module]))
    for file in files {
      for name in try Self.imports(of: file) {
        #expect(allowed.contains(name), "\(module) may not import \(name): \(file.path)")
      }
    }
  }

  @Test func everyModuleHasItsArrows() throws {
    let folders = try FileManager.default.contentsOfDirectory(
      atPath: Self.root.appending(path: "Sources").path)
    for folder in folders where !Self.files(below: "Sources/\(folder)").isEmpty {
      #expect(Self.arrows[folder] != nil, "\(folder) is not in the plan of the house")
    }
  }

  @Test func noFileIsLong() throws {
    for file in Self.files(below: "Sources", ending: ["swift", "c"]) {
      let count = try Self.lines(of: file).count
      #expect(count <= 400, "\(file.path) has \(count) lines; split it where a reader would pause")
    }
  }

  @Test func nothingIsUnsafeForUsersOfThePackage() throws {
    for manifest in ["Package.swift", "Tools/Package.swift"] {
      let file = Self.root.appending(path: manifest)
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(!text.contains("unsafe" + "Flags"), "\(manifest)")
    }
  }

  /// `swift format` decides layout.
  @Test func layoutIsThatOfTheFormatter() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.currentDirectoryURL = Self.root
    process.arguments = [
      "swift", "format", "lint", "--strict", "--recursive", "--parallel", "Package.swift",
      "Tools/Package.swift", "Sources", "Tests", "Tools/Sources", "Tools/Tests",
    ]
    let output = Pipe()
    process.standardError = output
    try process.run()
    let complaints = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(String(decoding: complaints, as: UTF8.self))")
  }

  /// What the README shows of C compiles as it stands there.
  @Test func theCodeOfTheReadmeCompiles() throws {
    let readme = Self.root.appending(path: "README.md")
    let blocks = try String(contentsOf: readme, encoding: .utf8).components(separatedBy: "```c\n")
    #expect(blocks.count == 2)
    let code = try #require(blocks.last?.components(separatedBy: "```").first)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
      "-I", Self.root.appending(path: "Sources/CPindown/include").path, "-x", "c", "-",
    ]
    let input = Pipe()
    process.standardInput = input
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data(code.utf8))
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }
}
