import Testing

/// Everything that starts the provider: one for the process, therefore one test after the other.
@Suite(.serialized)
enum ProviderTests {}
