import MemfdNIC
import Testing

struct ConfigurationTests {
  @Test func theDefaultNamesTwoAdapters() throws {
    let adapters = try NICConfiguration.parse(NICConfiguration.defaultText)
    #expect(adapters.map(\.name) == ["mem0", "mem1"])
    #expect(adapters.map(\.address.description) == ["10.77.0.1", "10.77.1.1"])
    #expect(adapters.map(\.prefixLength) == [24, 24])
  }

  @Test func anAdapterKnowsItsNetwork() throws {
    let adapter = try #require(try NICConfiguration.parse("a=10.1.2.3/20").first)
    #expect(adapter.contains(IPv4Address("10.1.15.255")!))
    #expect(!adapter.contains(IPv4Address("10.1.16.0")!))
    let all = NICConfiguration(name: "a", address: adapter.address, prefixLength: 0)
    #expect(all.contains(IPv4Address("255.255.255.255")!))
  }

  @Test(arguments: [
    ("", "'' is not name=address/prefix"),
    ("a", "'a' is not name=address/prefix"),
    ("a=10.0.0.1", "'a=10.0.0.1' is not name=address/prefix"),
    ("a=10.0.0.1/24,", "'' is not name=address/prefix"),
    ("=10.0.0.1/24", "'' is not a name of 1 to 31 letters, digits, '-' and '_'"),
    ("a b=10.0.0.1/24", "'a b' is not a name of 1 to 31 letters, digits, '-' and '_'"),
    ("a=10.0.0/24", "'10.0.0' is not an IPv4 address"),
    ("a=10.0.0.256/24", "'10.0.0.256' is not an IPv4 address"),
    ("a=10.0.0.01/24", "'10.0.0.01' is not an IPv4 address"),
    ("a=10.0.0.1./24", "'10.0.0.1.' is not an IPv4 address"),
    ("a=10.0.0.1/33", "'33' is not a prefix length, 0 to 32"),
    ("a=10.0.0.1/-1", "'-1' is not a prefix length, 0 to 32"),
    ("a=10.0.0.1/", "'' is not a prefix length, 0 to 32"),
    ("a=10.0.0.1/24,a=10.0.0.2/24", "the adapter name a is there twice"),
    ("a=10.0.0.1/24,b=10.0.0.1/16", "the adapter address 10.0.0.1 is there twice"),
    (
      (0...8).map { "n\($0)=10.0.\($0).1/24" }.joined(separator: ","),
      "9 adapters are more than the 8 there can be"
    ),
  ])
  func aBadTextIsNamed(_ text: String, _ problem: String) {
    #expect(throws: MemfdNICError.invalidConfiguration(problem)) {
      try NICConfiguration.parse(text)
    }
  }
}
