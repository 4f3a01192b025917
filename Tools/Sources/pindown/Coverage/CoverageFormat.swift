/// What the table is written as.
enum CoverageFormat: String, Sendable {
  case text, tsv, json
}
