// ControlFileSystem
