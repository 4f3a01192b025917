import CWinsockDirect
import Glibc

/// Does in one process what a party is asked to do: the only place where the provider is called
/// from. Every pointer that the provider gets points into memory of the actor's.
final class Actor {
  let provider: ProviderUnderTest
  var memories: [MappedMemory] = []
  var requests: [LPWSAOVERLAPPED] = []

  init(_ provider: ProviderUnderTest) {
    self.provider = provider
  }

  var functions: WSPPROC_TABLE { provider.functions }
  var recorder: UpcallRecorder { .shared }

  func perform(_ call: Call) throws(Failure) -> Reply {
    switch call.verb {
    case .pinnedBytes, .start, .cleanUp: try performProcess(call)
    case .addresses, .socket, .bind, .listen, .select, .connect, .events, .accept, .close,
      .option, .duplicate, .revive:
      try performSocket(call)
    case .makeEvent, .waitForEvent, .handle, .entries, .openHandles, .mistake:
      performRecorder(call)
    case .map, .fill, .firstDifference, .replace, .protect, .unmap:
      try performMemory(call)
    case .register, .deregister, .expose, .conceal, .call: try performRegistration(call)
    case .makeRequest, .transfer, .poll, .wait, .completions, .state: try performTransfer(call)
    }
  }

  private func performProcess(_ call: Call) throws(Failure) -> Reply {
    switch call.verb {
    case .start: return Reply([Int(provider.start())], Array(provider.description.utf8))
    case .cleanUp: return Reply([Int(provider.cleanUp())])
    default: return Reply([PinnedBytes.ofThisProcess])
    }
  }

  /// What the recorder of this process knows; a handle is the switch's.
  private func performRecorder(_ call: Call) -> Reply {
    switch call.verb {
    case .makeEvent: return Reply([Int(recorder.makeEvent())])
    case .waitForEvent:
      let isSet = recorder.wait(for: UInt(call.numbers[0]), milliseconds: call.numbers[1])
      return Reply([isSet ? 1 : 0])
    case .handle: return Reply([Int(bitPattern: recorder.newestHandle)])
    case .openHandles: return Reply([recorder.openHandleCount, recorder.handleCount])
    case .mistake: return Reply([], Array((recorder.mistake ?? "").utf8))
    default:
      let handle = SOCKET(bitPattern: call.numbers[0])
      if call.numbers[1] > 0 {
        _ = recorder.waitUntilClosed(handle, milliseconds: call.numbers[1])
      }
      return Reply(recorder.entries(of: handle).map { $0 == .closed ? 1 : 0 })
    }
  }

  /// The error of a function that answers 0 or SOCKET_ERROR.
  func error(_ call: (LPINT) -> INT) -> Reply { Reply([Int(ProviderUnderTest.error(call))]) }
}
