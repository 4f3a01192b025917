/// The names of the changes that a monitor sees, by the raw values of PageTracking's
/// `MappingChangeKind`, which this module does not import.
enum MappingChangeName {
  static func name(of value: UInt32) -> String { "change-\(value)" }
}
