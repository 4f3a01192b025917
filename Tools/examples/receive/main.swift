// Lets a peer write into its memory, and prints what came. Ends after one connection.
import Pindown

func receive(on socket: SwitchSocket) throws -> String {
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
  defer { memory.deallocate() }  // Should this unmap the memory, the registration goes first.
  let exposed = try socket.registerRDMAMemory(memory, access: .write)
  try socket.sendMessage(exposed.descriptor.bytes)  // From here on the peer may write.
  let message = try socket.receiveMessage()  // It says how much it has written.
  try exposed.deregister()  // From here on it may not; the registration stays cached.
  let length = Int(String(decoding: message, as: UTF8.self)) ?? 0
  return String(decoding: memory.prefix(length), as: UTF8.self)
}

let network = try SocketsSwitch.start()
let address = SocketAddress(network.adapters[0].address, port: 7471)
let listener = try network.listen(at: address)
print("listening at \(listener.address)")
let socket = try listener.accept(within: .seconds(60))
print(try receive(on: socket))
socket.close()
listener.close()
network.stop()
