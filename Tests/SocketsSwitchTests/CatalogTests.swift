import Glibc
import TestSupport
import Testing

@testable import SocketsSwitch

extension SwitchTests {
  /// Goal: the catalogue says which providers there are; a file that is wrong is named, with its line
  /// and what to do, and the others count.
  @Suite struct CatalogTests {
    /// A folder with these files.
    private final class Folder {
      private let compiler: TestCompiler
      var path: String { compiler.folder }

      init(_ files: [String: String]) throws {
        compiler = try TestCompiler()
        for (name, text) in files {
          let descriptor = open("\(path)/\(name)", O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
          let bytes = Array(text.utf8)
          #expect(write(descriptor, bytes, bytes.count) == bytes.count)
          close(descriptor)
        }
      }
    }

    private func parse(_ text: String) -> Result<CatalogEntry, CatalogFault> {
      CatalogFile.parse(Array(text.utf8), path: "/dir/a.provider")
    }

    @Test func aFile() throws {
      let text = "# The example\n\n name=ex-1 \nlibrary =  ../lib/libex.so\t\nenabled = yes\n"
      let entry = try parse(text).get()
      #expect(
        entry
          == CatalogEntry(
            name: "ex-1", library: "/dir/../lib/libex.so", isEnabled: true, file: "/dir/a.provider")
      )
      #expect(try parse("name = a\r\nlibrary = /b c/d.so\r\n").get().library == "/b c/d.so")
      let off = try parse("name = a\nenabled = no").get()
      #expect(!off.isEnabled && off.library == nil)
      #expect(
        try CatalogFile.parse(Array("name=a\nlibrary=l.so".utf8), path: "a").get().library
          == "./l.so")
    }

    @Test(
      arguments: [
        ("library = a.so", nil, "add a line `name = ...`"),
        ("name = a", nil, "add a line `library = path`"),
        ("name = a\nlibrary =", 2, "`library` needs a path"),
        ("name =\nlibrary = a.so", 1, "is not 1 to 31 letters"),
        ("name = a/b\nlibrary = a.so", 1, "`a/b` is not 1 to 31 letters"),
        ("\n\nnames = a", 3, "there is no key `names`; there are name, library and enabled"),
        ("name = a\nnonsense", 2, "this is not `key = value`"),
        ("name = a\nname = b\nlibrary = c", 2, "`name` is there already, in line 1"),
        ("name = a\nlibrary = b\nenabled = perhaps", 3, "`enabled` is `yes` or `no`"),
        ("name = a\0b", nil, "this is no text"), ("", nil, "add a line `name = ...`"),
      ] as [(String, Int?, String)])
    func aBadFile(text: String, line: Int?, says: String) {
      guard case .failure(let fault) = parse(text) else {
        Issue.record("it was taken")
        return
      }
      let complaint = fault.complaint
      #expect(complaint.line == line && complaint.text.contains(says), "\(complaint)")
      #expect(!complaint.description.contains("\n"))
      #expect(complaint.description.hasPrefix("/dir/a.provider:"))
    }

    @Test func bytesThatAreNoText() {
      guard case .failure = CatalogFile.parse([0xFF, 0xFE, 0x41], path: "a") else {
        Issue.record("it was taken")
        return
      }
    }

    @Test func aFolder() throws {
      let first = try Folder([
        "b.provider": "name = b\nlibrary = one.so", "a.provider": "name = a\nlibrary = a.so",
        "c.provider": "nonsense", "d.txt": "nonsense", ".e.provider": "nonsense",
        "f.provider": "name = memfd\nenabled = no",
      ])
      let second = try Folder(["b.provider": "name = b\nlibrary = two.so"])
      let catalog = ProviderCatalog(places: [first.path, second.path, "/nowhere/at/all"])
      #expect(catalog.entries.map(\.name) == ["a", "b", "memfd"])
      #expect(catalog.entries.map(\.isEnabled) == [true, true, false])
      #expect(catalog.entries[1].library == "\(first.path)/one.so")
      #expect(catalog.complaints.map(\.place) == ["\(first.path)/c.provider", "/nowhere/at/all"])
      #expect(catalog.complaints[1].text.contains("No such file"))
      // One file alone; a folder that need not be there.
      let alone = ProviderCatalog(places: ["\(second.path)/b.provider"])
      #expect(alone.entries.map(\.name) == ["b", "memfd"] && alone.complaints.isEmpty)
      #expect(ProviderCatalog(folders: ["/nowhere/at/all"]).complaints.isEmpty)
    }

    @Test func notAFile() {
      let catalog = ProviderCatalog(places: ["/dev/zero", "/dev/null"])
      #expect(catalog.complaints.map(\.text) == ["is no regular file", "is no regular file"])
    }

    @Test func theVariable() throws {
      let folder = try Folder(["a.provider": "name = a\nlibrary = a.so"])
      setenv("PINDOWN_PROVIDERS", "\(folder.path)::\(folder.path)/a.provider", 1)
      defer { unsetenv("PINDOWN_PROVIDERS") }
      #expect(ProviderCatalog.current().entries.map(\.name) == ["a", "memfd"])
      setenv("PINDOWN_PROVIDERS", "", 1)
      #expect(ProviderCatalog.current().entries.map(\.name) == ["memfd"])
      #expect(ProviderCatalog.standardFolders.contains("/usr/share/pindown/providers.d"))
    }

    /// What is wrong with one provider does not keep the others from being loaded.
    @Test func theSwitchLoadsWhatItCan() throws {
      let (good, bad) = (try TestProvider(), try TestProvider("NO_START_UP"))
      let folder = try Folder([
        "1.provider": "name = bad\nlibrary = \(bad.path)",
        "2.provider": "name = odd\nenabled = maybe",
        "3.provider": "name = good\nlibrary = \(good.path)",
        "4.provider": "name = off\nlibrary = \(bad.path)\nenabled = no",
        "5.provider": "name = memfd\nenabled = no",
      ])
      let catalog = ProviderCatalog(places: [folder.path])
      let network = try SocketsSwitch.start(catalog: catalog, monitors: [])
      #expect(network.providers == [good.path] && good.starts == 1)
      #expect(
        network.complaints.map(\.description) == [
          "\(folder.path)/2.provider:2: `enabled` is `yes` or `no`",
          "\(folder.path)/1.provider: \(SwitchError.notAProvider(path: bad.path))",
        ])
      network.stop()
    }

    /// Where none is left there is nothing to go on with.
    @Test func noProviderAtAll() throws {
      let bad = try TestProvider("NO_START_UP")
      let folder = try Folder([
        "1.provider": "name = bad\nlibrary = \(bad.path)",
        "5.provider": "name = memfd\nenabled = no",
      ])
      #expect(throws: SwitchError.notAProvider(path: bad.path)) {
        try SocketsSwitch.start(catalog: ProviderCatalog(places: [folder.path]), monitors: [])
      }
      let empty = try Folder(["5.provider": "name = memfd\nenabled = no"])
      let network = try SocketsSwitch.start(
        catalog: ProviderCatalog(places: [empty.path]), monitors: [])
      #expect(network.providers.isEmpty)
      network.stop()
    }
  }
}
