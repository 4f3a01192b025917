import CWinsockDirect
import Glibc
import Inspection
import MemfdNIC
import VirtualMemory

/// WSPDuplicateSocket (C82-C86): offers a connected socket to one process. Everything but receives
/// must have ended, and no RDMA memory may be registered (spec 5.9, step 1); otherwise WSAEINVAL, and
/// nothing has changed. When it returns, the receives have ended with success and 0 bytes, and
/// the socket is good for WSPCloseSocket only.
func duplicateSocket(
  _ s: SOCKET, _ dwProcessId: DWORD, _ lpProtocolInfo: LPWSAPROTOCOL_INFOW?, _ lpErrno: LPINT?
) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let socket = try Provider.started().sockets.socket(s)
    let information = try CallerVariable<WSAPROTOCOL_INFOW>(lpProtocolInfo)
    guard let process = Int32(exactly: dwProcessId), process > 0 else { throw .invalid }
    let token = try socket.handOver(to: process)
    try information.store(.memfdProvider(token))
  }
}

extension Socket {
  /// Offers the connection to a process; by the token it takes it over.
  fileprivate func handOver(to process: Int32) throws(SocketsError) -> HandoverToken {
    let (queuePair, adapter) = try connectedForHandover()
    let endpoints = connection.withLock { connection in
      ConnectionEndpoints(
        localAddress: connection.local.address, localPort: connection.local.port,
        remoteAddress: connection.remote.address, remotePort: connection.remote.port)
    }
    let offer: HandoverOffer
    do throws(MemfdNICError) {
      offer = try queuePair.handOver(to: process, endpoints: endpoints)
    } catch {
      throw SocketsError(handingOver: error)
    }
    provider.handovers.add(offer)
    let wasCounted = connection.withLock { connection in
      let wasCounted = connection.isCounted
      connection.phase = .handedOver
      connection.isCounted = false
      connection.queuePair = nil
      publish(connection)
      appendEvent(.handedOver, connection)
      return wasCounted
    }
    // The switch calls nothing but WSPCloseSocket from here on, so the buffers of the receives are
    // given back for it.
    releaseMemory(queuePair)
    if wasCounted { provider.adapters.connectionClosed(adapter, provider.cache) }
    return offer.token
  }

  /// WSPDuplicateSocket does not know WSAENOTCONN (spec 5.9).
  private func connectedForHandover() throws(SocketsError) -> (queuePair: QueuePair, adapter: Int) {
    do throws(SocketsError) {
      return try connected()
    } catch {
      throw error == .notSocket ? error : .invalid
    }
  }

  /// A socket for the connection that another process, or this one, has offered. Throws `.invalid`
  /// where none is offered to this process under the token.
  static func takeOver(
    _ token: HandoverToken, _ provider: Provider
  ) throws(SocketsError) -> Socket {
    do throws(MemfdNICError) {
      let handover = try ConnectionHandover(token)
      guard let adapter = provider.adapters.index(of: handover.endpoints.localAddress) else {
        throw .invalidDescriptor
      }
      return try takeOver(handover, on: adapter, provider)
    } catch {
      throw SocketsError(handingOver: error)
    }
  }

  private static func takeOver(
    _ handover: consuming ConnectionHandover, on adapter: Int, _ provider: Provider
  ) throws(MemfdNICError) -> Socket {
    let socket: Socket
    do throws(SocketsError) {
      socket = try make(provider)
    } catch {
      throw .exhausted
    }
    let endpoints = handover.endpoints
    let peerPID = handover.peerPID
    do throws(MemfdNICError) {
      _ = try provider.adapters[adapter].makeQueuePair(
        continuing: handover, handlers: socket.makeHandlers()
      ) { queuePair in
        socket.connection.withLock { connection in
          connection.adapter = adapter
          connection.local = SocketAddress(
            address: endpoints.localAddress, port: endpoints.localPort)
          connection.remote = SocketAddress(
            address: endpoints.remoteAddress, port: endpoints.remotePort)
          connection.peerPID = peerPID
          connection.queuePair = queuePair
          connection.phase = .connected
          connection.isCounted = true
          provider.adapters.connectionOpened(adapter)
          socket.publish(connection)
          socket.appendEvent(.takenOver, connection)
        }
      }
    } catch {
      _ = socket.close()
      throw error
    }
    return socket
  }
}

extension WSAPROTOCOL_INFOW {
  /// What the provider offers: a reliable stream of messages over IPv4. With what names the
  /// connection to the process that takes it over.
  fileprivate static func memfdProvider(_ token: HandoverToken) -> WSAPROTOCOL_INFOW {
    var info = WSAPROTOCOL_INFOW()
    info.dwServiceFlags1 = DWORD(XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER)
    info.dwProviderReserved = token.rawValue
    info.ProtocolChain.ChainLen = 1
    info.iVersion = 2
    info.iAddressFamily = AF_INET
    info.iMaxSockAddr = INT(SocketAddress.byteCount)
    info.iMinSockAddr = INT(SocketAddress.byteCount)
    info.iSocketType = INT(SOCK_STREAM.rawValue)
    info.iProtocol = INT(IPPROTO_TCP)
    return info
  }
}
