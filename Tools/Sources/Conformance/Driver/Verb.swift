/// What a party is asked to do: with its process, its memory or the provider.
enum Verb: String {
  // The process
  case pinnedBytes
  // Sockets
  case start, cleanUp, addresses, socket, bind, listen, select, connect, events, accept, close
  case option, duplicate, revive
  case makeEvent, waitForEvent
  case handle, entries, openHandles, mistake
  // Memory
  case map, fill, firstDifference, replace, protect, unmap
  case register, deregister, expose, conceal, call
  // Transfers
  case makeRequest, transfer, poll, wait, completions, state
}
