// SocketsSwitch
