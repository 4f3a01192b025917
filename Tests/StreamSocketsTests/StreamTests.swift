import Testing

/// What starts the switch: one test after the other.
@Suite(.serialized) struct StreamTests {}
