import Glibc

/// The symbolic names of the errors that a control request can give.
package enum ErrorName {
  private static let table: [(number: Int32, name: String)] = [
    (EINVAL, "EINVAL"), (ERANGE, "ERANGE"), (ENOENT, "ENOENT"), (EBUSY, "EBUSY"),
    (EEXIST, "EEXIST"), (EPERM, "EPERM"), (EACCES, "EACCES"), (ENOSPC, "ENOSPC"),
    (EOPNOTSUPP, "EOPNOTSUPP"), (ENODEV, "ENODEV"), (ETIMEDOUT, "ETIMEDOUT"),
    (EAGAIN, "EAGAIN"), (E2BIG, "E2BIG"), (EIO, "EIO"), (EMFILE, "EMFILE"), (ENODATA, "ENODATA"),
    (EFBIG, "EFBIG"), (ENOTDIR, "ENOTDIR"), (EISDIR, "EISDIR"), (EBADF, "EBADF"),
  ]

  /// The name of an error number, or the number where it is none of ours.
  package static func name(of number: Int32) -> String {
    table.first { $0.number == number }?.name ?? "\(number)"
  }

  /// The number of a name.
  package static func number(of name: String) -> Int32? {
    table.first { $0.name == name }?.number
  }
}
