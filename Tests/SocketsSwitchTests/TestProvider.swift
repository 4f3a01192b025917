import Glibc

/// A provider in C, compiled for one test into a library of its own.
final class TestProvider {
  let path: String
  private let handle: UnsafeMutableRawPointer

  /// Compiles the minimal provider with these macros. Each library has a name of its own, because
  /// the loader knows libraries by their file.
  init(_ macros: String...) throws {
    var template = Array("/tmp/pindown-test-XXXXXX".utf8CString)
    guard let folder = mkdtemp(&template) else { throw TestProviderError.folder(errno) }
    path = String(cString: folder) + "/libminimal.so"
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let status = try Self.run(
      [
        "clang", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-D_GNU_SOURCE",
        "-shared", "-fPIC",
      ]
        + macros.map { "-D\($0)" }
        + [
          "-I/\(root)/Sources/CWinsockDirect/include", "-o", path,
          "/\(root)/Tests/Providers/minimal_provider.c",
        ])
    guard status == 0, let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      throw TestProviderError.compiler(status)
    }
    self.handle = handle
  }

  deinit {
    dlclose(handle)
    unlink(path)
    rmdir(String(path.dropLast("/libminimal.so".count)))
  }

  private static func run(_ arguments: [String]) throws -> Int32 {
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var process: pid_t = 0
    let error = posix_spawnp(&process, arguments[0], nil, nil, pointers, environ)
    if error != 0 { throw TestProviderError.compiler(error) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status
  }

  private func symbol<Function>(_ name: String, as type: Function.Type) -> Function {
    unsafeBitCast(dlsym(handle, name), to: type)
  }

  private func number(_ name: String) -> Int32 {
    symbol(name, as: (@convention(c) () -> Int32).self)()
  }

  var starts: Int32 { number("minimal_starts") }
  var calls: Int32 { number("minimal_calls") }
  var inside: Int32 { number("minimal_inside") }
  var lastAddress: UInt { symbol("minimal_last_address", as: (@convention(c) () -> UInt).self)() }
  var lastSize: UInt { symbol("minimal_last_size", as: (@convention(c) () -> UInt).self)() }

  /// What the cache callback answers: 0, an error number, or -1 for a failure without a reason.
  func answer(_ code: Int32) {
    symbol("minimal_answer", as: (@convention(c) (Int32) -> Void).self)(code)
  }

  /// Whether a call of the cache callback stays inside.
  func hold(_ held: Bool) {
    symbol("minimal_hold", as: (@convention(c) (Int32) -> Void).self)(held ? 1 : 0)
  }

  /// Completes the receive that is pending.
  func complete(_ socket: UInt, status: UInt32, count: UInt32) -> Int32 {
    symbol("minimal_complete", as: (@convention(c) (UInt, UInt32, UInt32) -> Int32).self)(
      socket, status, count)
  }
}

enum TestProviderError: Error {
  case folder(Int32)
  case compiler(Int32)
}
