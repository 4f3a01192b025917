import Glibc
import Testing

/// Goal: what `Tools/install` puts below a prefix works there, without this folder and without the
/// toolchain. Method: what these tests were built with, installed, and used as the README says.
@Suite(.serialized) struct InstallTests {
  /// Runs a line of shell with what was installed in `$prefix`, and nothing of ours to be found.
  private func withInstalled(_ line: String, seconds: Int = 60) -> Program.Result {
    Program.run(
      """
      prefix=$(mktemp -d); trap 'rm -rf $prefix' EXIT; products=$(dirname $(which pindown))
      \(Program.root)/Tools/install --products $products $prefix >$prefix/log || exit 98
      export PKG_CONFIG_PATH=$prefix/lib/pkgconfig; cd $prefix
      \(line)
      """, seconds: seconds)
  }

  /// The lines of the README that begin with the text, without their indentation.
  private func linesOfReadme(_ beginning: String) -> [String] {
    Program.contents("\(Program.root)/README.md").split(separator: "\n")
      .map { String($0.drop { $0 == " " }) }.filter { $0.hasPrefix(beginning) }
  }

  @Test func theCommandRunsFromItsPrefix() {
    let result = withInstalled(
      """
      env -i $prefix/bin/pindown --version
      env -i ldd bin/pindown | grep -v $prefix | grep -c -e swift -e Pindown -e 'not found'
      bash -n share/bash-completion/completions/pindown && echo bash
      grep -c '^#compdef pindown' share/zsh/site-functions/_pindown
      grep -q 'complete -c .pindown' share/fish/vendor_completions.d/pindown.fish && echo fish
      """)
    #expect(result.lines == ["0.1.0", "0", "bash", "1", "fish"], "\(result.errors)")
  }

  /// With exactly the line that the README shows.
  @Test func theExampleOfTheReadmeCompilesAndRuns() throws {
    let line = try #require(linesOfReadme("cc write.c").first)
    let result = withInstalled(
      """
      awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' \(Program.root)/README.md >write.c
      \(line) || exit 97
      $products/example-receive & receiver=$!
      until env -i ./write; do kill -0 $receiver || exit 1; sleep 0.05; done
      wait $receiver
      """)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.lines == ["listening at 10.77.0.1:7471", "Written by RDMA."])
    #expect(result.complaints == [])
  }

  @Test func everyHeaderIsThere() {
    let result = withInstalled(
      """
      for header in pindown.h pindown_provider.h pindown_stream.h ws2san.h; do
        echo "#include <$header>" | cc -x c -fsyntax-only $(pkg-config --cflags pindown) - || exit 97
      done
      ls -d share/pindown/providers.d
      """)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.lines == ["share/pindown/providers.d"])
  }

  @Test func theProviderOfTheReadmeCompilesAndIsLoaded() throws {
    let line = try #require(linesOfReadme("cc -shared").first)
    let result = withInstalled(
      """
      cd share/doc/pindown/examples && \(line) || exit 97
      env -i PATH=$PATH $prefix/bin/pindown stress --duration 1 --provider $PWD/libexample.so
      """)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.lines.last == "stale uses         0")
  }

  /// For packages: all of it goes below DESTDIR, and nothing names that.
  @Test func anotherRootIsHonoured() {
    let result = Program.run(
      """
      root=$(mktemp -d); trap 'rm -rf $root' EXIT; products=$(dirname $(which pindown))
      DESTDIR=$root \(Program.root)/Tools/install --products $products /usr || exit 98
      ls $root; ls $root/usr/bin; env -i $root/usr/bin/pindown --version
      grep -c $root $root/usr/lib/pkgconfig/pindown.pc
      PKG_CONFIG_PATH=$root/usr/lib/pkgconfig pkg-config --libs pindown | xargs
      """, seconds: 60)
    #expect(
      result.lines.dropFirst() == ["usr", "pindown", "0.1.0", "0", "-lPindown"],
      "\(result.output)\(result.errors)")
  }

  @Test func badArgumentsAreRefused() {
    for arguments in ["", "relative/path", "--products", "/a /b"] {
      let result = Program.run("\(Program.root)/Tools/install \(arguments)")
      #expect(result.status == 64 && result.errors.contains("usage: "), "\(arguments)")
    }
  }
}
