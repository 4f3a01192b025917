import CWinsockDirect
import Testing

@testable import SocketsSwitch

extension SwitchTests {
  /// Goal: a library that is no provider, or a bad one, is refused with the reason, and leaves
  /// nothing behind. Method: the same provider compiled with one fault each.
  @Suite struct LoadingTests {
    private func failure(_ path: String) -> SwitchError? {
      do throws(SwitchError) {
        _ = try SocketsSwitch.start(providers: [path], monitors: [])
        return nil
      } catch {
        return error
      }
    }

    @Test func aGoodProviderIsStartedAndEnded() throws {
      let provider = try TestProvider("ADDRESSES=0x0A630101,0x0A630201")
      let network = try SocketsSwitch.start(providers: [provider.path], monitors: [])
      #expect(provider.starts == 1)
      #expect(network.adapters.map(\.address.description) == ["10.99.1.1", "10.99.2.1"])
      network.stop()
      #expect(provider.starts == 0)
      #expect(network.adapters.isEmpty)
    }

    @Test func anUnknownPath() {
      guard
        case .libraryNotLoaded("/nowhere/at/all.so", let reason)? = failure("/nowhere/at/all.so")
      else {
        Issue.record("an unknown path was loaded")
        return
      }
      #expect(reason.contains("/nowhere/at/all.so"))
    }

    @Test func aLibraryWithoutStartUp() throws {
      let provider = try TestProvider("NO_START_UP")
      #expect(failure(provider.path) == .notAProvider(path: provider.path))
    }

    @Test func aProviderThatRefuses() throws {
      let provider = try TestProvider("REFUSE=WSASYSNOTREADY")
      #expect(
        failure(provider.path)
          == .startUpRefused(path: provider.path, code: WSASYSNOTREADY, reason: "busy"))
    }

    @Test func anotherVersion() throws {
      let provider = try TestProvider("VERSION=0x0103")
      #expect(
        failure(provider.path) == .versionRefused(path: provider.path, major: 3, minor: 1))
      #expect(provider.starts == 0)
    }

    @Test func aFunctionThatIsMissing() throws {
      let provider = try TestProvider("NO_LISTEN")
      #expect(failure(provider.path) == .functionMissing(path: provider.path, name: "WSPListen"))
      #expect(provider.starts == 0)
    }

    @Test func anExtensionFunctionThatIsMissing() throws {
      let provider = try TestProvider("NO_RDMA_WRITE")
      #expect(
        failure(provider.path) == .functionMissing(path: provider.path, name: "WSPRdmaWrite"))
      #expect(provider.starts == 0)
    }

    @Test func anAddressTwice() throws {
      let provider = try TestProvider("ADDRESSES=0x0A630101,0x0A630101")
      #expect(failure(provider.path) == .addressTwice(IPv4Address("10.99.1.1")!))
      #expect(provider.starts == 0)
    }

    /// The list has more addresses than the first question has room for.
    @Test func manyAddresses() throws {
      let numbers = (0..<100).map { "\(0x0A64_0001 + $0 * 256)" }.joined(separator: ",")
      let provider = try TestProvider("ADDRESSES=\(numbers)")
      let network = try SocketsSwitch.start(providers: [provider.path], monitors: [])
      #expect(network.adapters.count == 100)
    }

    /// A failing second provider must not leave the first one started.
    @Test func allOrNone() throws {
      let (good, bad) = (try TestProvider(), try TestProvider("NO_START_UP"))
      #expect(throws: SwitchError.notAProvider(path: bad.path)) {
        try SocketsSwitch.start(providers: [good.path, bad.path], monitors: [])
      }
      #expect(good.starts == 0)
    }

    @Test func everyErrorIsOneLine() {
      let errors: [SwitchError] = [
        .libraryNotLoaded(path: "p", reason: "r"), .notAProvider(path: "p"),
        .startUpRefused(path: "p", code: 10091, reason: "r"),
        .versionRefused(path: "p", major: 1, minor: 1),
        .functionMissing(path: "p", name: "n"), .addressListMalformed(path: "p"),
        .addressTwice(.any), .noAdapter(.any), .tooManyProviders, .notStarted, .closed,
        .timedOut(operation: .accept), .refused(operation: .connect, code: 10061),
        .trackingUnavailable(reason: "r"), .publicationUnavailable(reason: "r"),
        .messageMemoryUnavailable(reason: "r"), .messageTooLong,
      ]
      for error in errors {
        #expect(!error.description.isEmpty && !error.description.contains("\n"))
      }
    }
  }
}
