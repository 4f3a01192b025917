import Glibc

/// Compiles C for one test, into a folder of its own that goes with this object.
package final class TestCompiler {
  /// Where the result goes.
  package let folder: String
  private let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

  package init() throws(TestCompilerError) {
    var template = Array("/tmp/pindown-test-XXXXXX".utf8CString)
    guard let folder = mkdtemp(&template) else { throw .folder(errno) }
    self.folder = String(cString: folder)
  }

  deinit {
    guard let stream = opendir(folder) else { return }
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      unlink("\(folder)/\(name)")
    }
    closedir(stream)
    rmdir(folder)
  }

  /// A file of the checkout.
  package func source(_ path: String) -> String { "/\(root)/\(path)" }

  /// Compiles with these arguments beside those that all have; returns the path of the result.
  package func compile(
    _ source: String, into name: String, _ arguments: [String]
  ) throws(TestCompilerError) -> String {
    let path = "\(folder)/\(name)"
    let status = try Self.run(
      [
        "clang", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-D_GNU_SOURCE",
        "-o", path, self.source(source),
      ] + arguments)
    if status != 0 { throw .compiler(status) }
    return path
  }

  private static func run(_ arguments: [String]) throws(TestCompilerError) -> Int32 {
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var process: pid_t = 0
    let error = posix_spawnp(&process, arguments[0], nil, nil, pointers, environ)
    if error != 0 { throw .compiler(error) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status
  }
}

package enum TestCompilerError: Error {
  case folder(Int32)
  case compiler(Int32)
}
