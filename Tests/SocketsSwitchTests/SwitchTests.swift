import Testing

/// What loads providers: one test after the other, because the providers of a process are all asked
/// at every change.
@Suite(.serialized) struct SwitchTests {}
