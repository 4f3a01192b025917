// What a user of the library sees by `import Pindown`.
@_exported public import PageTracking
@_exported public import RegistrationCache
@_exported public import SocketsSwitch
@_exported public import StreamSockets
@_exported public import VirtualMemory

// The provider that this library carries: linked, so that WSPStartupEx is there to be found.
import MemfdProvider
