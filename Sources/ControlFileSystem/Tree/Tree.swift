/// The tree of the control file system, as data.
enum Tree {
  static let root = NodeDeclaration.directory(
    "", "What Pindown publishes on this machine.",
    [
      RootFiles.readme, RootFiles.version, RootFiles.schema, RootFiles.lastError,
      SummaryFile.summary, EventFiles.text, EventFiles.json,
      NICFiles.folder, ProviderLinks.folder, ProcessFiles.folder,
    ])
}
