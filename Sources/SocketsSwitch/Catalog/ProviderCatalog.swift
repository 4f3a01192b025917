import CDynamicLoader
import Glibc

/// The catalogue of providers: a folder with a small text file for each, whose name ends with
/// `.provider`; `CatalogFile` says what is in one.
///
/// The folders are /etc/pindown/providers.d, PREFIX/share/pindown/providers.d for a library that is
/// installed in PREFIX/lib, /usr/local/share/pindown/providers.d and
/// /usr/share/pindown/providers.d. `PINDOWN_PROVIDERS`, folders and files with colons between,
/// stands in their place where it is set; empty it names none. In a folder files go in the order of
/// their names. Of two files for the same name the first counts, so that one in /etc can turn a
/// provider off. The memfd provider is built in, under the name `memfd`, after all files.
public struct ProviderCatalog: Sendable {
  /// What there is, enabled or not, each name once.
  public let entries: [CatalogEntry]
  /// Files that were left out, and why.
  public let complaints: [CatalogComplaint]

  /// The catalogue of this process, as its files are now.
  public static func current() -> ProviderCatalog {
    guard let setting = getenv("PINDOWN_PROVIDERS") else {
      return ProviderCatalog(folders: standardFolders)
    }
    let places = String(cString: setting).split(separator: ":").map(String.init)
    return ProviderCatalog(places: places)
  }

  /// The catalogue of these folders and files, each of which must exist.
  public init(places: [String]) {
    self.init(places: places, mustExist: true)
  }

  /// The same for folders that need not exist.
  init(folders: [String]) {
    self.init(places: folders, mustExist: false)
  }

  private init(places: [String], mustExist: Bool) {
    var reading = Reading()
    for place in places { reading.read(place, mustExist: mustExist) }
    reading.add(
      CatalogEntry(
        name: "memfd", library: SocketsSwitch.memfdProvider, isEnabled: true, file: nil))
    entries = reading.entries
    complaints = reading.complaints
  }

  /// Where files are looked for, in their order.
  public static var standardFolders: [String] {
    var folders = ["/etc/pindown/providers.d"]
    let library = SocketsSwitch.memfdProvider.split(separator: "/")
    if let place = library.lastIndex(where: { $0 == "lib" || $0 == "lib64" }) {
      let parts = library[..<place] + ["share/pindown/providers.d"]
      folders.append("/" + parts.joined(separator: "/"))
    }
    for folder in ["/usr/local/share/pindown/providers.d", "/usr/share/pindown/providers.d"]
    where !folders.contains(folder) {
      folders.append(folder)
    }
    return folders
  }

  /// What is gathered while files are read.
  private struct Reading {
    var entries: [CatalogEntry] = []
    var complaints: [CatalogComplaint] = []

    mutating func add(_ entry: CatalogEntry) {
      if !entries.contains(where: { $0.name == entry.name }) { entries.append(entry) }
    }

    mutating func read(_ place: String, mustExist: Bool) {
      var status = stat()
      if stat(place, &status) != 0 {
        let (code, isMissing) = (errno, errno == ENOENT || errno == ENOTDIR)
        if mustExist || !isMissing {
          complain(place, "cannot be read: \(CatalogReader.reason(code))")
        }
      } else if status.st_mode & S_IFMT == S_IFDIR {
        switch CatalogReader.names(in: place) {
        case .success(let names): for name in names { readFile("\(place)/\(name)") }
        case .failure(let error): complain(place, error.text)
        }
      } else {
        readFile(place)
      }
    }

    private mutating func readFile(_ path: String) {
      switch CatalogReader.bytes(of: path) {
      case .failure(let error): complain(path, error.text)
      case .success(let bytes):
        switch CatalogFile.parse(bytes, path: path) {
        case .success(let entry): add(entry)
        case .failure(let fault): complaints.append(fault.complaint)
        }
      }
    }

    private mutating func complain(_ place: String, _ text: String) {
      complaints.append(CatalogComplaint(place, text))
    }
  }
}
