import Glibc
import TestSupport

/// A provider in C, compiled for one test into a library of its own.
final class TestProvider {
  let path: String
  private let handle: UnsafeMutableRawPointer
  private let compiler: TestCompiler

  /// Compiles the minimal provider with these macros. Each library has a name of its own, because
  /// the loader knows libraries by their file.
  init(_ macros: String...) throws {
    compiler = try TestCompiler()
    path = try compiler.compile(
      "Tests/Providers/minimal_provider.c", into: "libminimal.so",
      macros.map { "-D\($0)" }
        + ["-shared", "-fPIC", "-I\(compiler.source("Sources/CWinsockDirect/include"))"])
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      throw TestCompilerError.compiler(0)
    }
    self.handle = handle
  }

  deinit {
    dlclose(handle)
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
