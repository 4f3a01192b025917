import Testing

/// Everything here shares the one publication of the test process: one test at a time.
@Suite(.serialized) struct ControlFileSystemTests {}
