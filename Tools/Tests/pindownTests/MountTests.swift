import Testing

/// Everything that needs a real mount: one test at a time, and none where there is no FUSE.
@Suite(.serialized, .enabled(if: Fuse.isAvailable, "cannot open /dev/fuse")) struct MountTests {}
